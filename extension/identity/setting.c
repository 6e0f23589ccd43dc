/*
 * setting.c
 *		The text of the setting that an identity is kept in.
 */
#include "postgres.h"

#include "base/compat.h"
#include "crypto/encoding.h"
#include "identity/setting.h"

/*
 * The text: base64url of a head, a dot, and that of the claims. ASCII in any
 * encoding of the database. The head: three times of the token and that of its
 * issuer, whether it is for the transaction alone, the two outer roles with zeros
 * behind them, how long "iss" is, that, and the issuer's prefix of subjects. Nobody has zeros for
 * them, and no claims.
 */
#define TIMES_SIZE 32
#define ISSUER_SIZE_AT (TIMES_SIZE + 1 + 2 * NAMEDATALEN)
#define HEAD_SIZE (ISSUER_SIZE_AT + 8)

char *
IdentityEncode(const VerifiedToken *token, const char *outer_role, const char *session_outer_role,
			   bool transaction_only)
{
	Bytes issuer = token->issuer != NULL ? token->issuer->policy.issuer : bytes_view(NULL, 0);
	Bytes prefix = token->issuer != NULL ? token->issuer->subject_prefix : bytes_view(NULL, 0);
	size_t head_size = HEAD_SIZE + issuer.len + prefix.len;
	uint8 *head = palloc0(head_size);
	size_t head_text = base64url_encoded_size(head_size);
	char *out = palloc(head_text + 1 + base64url_encoded_size(token->claims.len) + 1);

	bytes_put_u64(head, (uint64) token->times.expires);
	bytes_put_u64(head + 8, (uint64) token->times.issued);
	bytes_put_u64(head + 16, (uint64) token->times.not_before);
	bytes_put_u64(head + 24, token->issuer != NULL ? (uint64) token->issuer->created_at : 0);
	head[TIMES_SIZE] = transaction_only;
	strlcpy((char *) head + TIMES_SIZE + 1, outer_role, NAMEDATALEN);
	strlcpy((char *) head + TIMES_SIZE + 1 + NAMEDATALEN, session_outer_role, NAMEDATALEN);
	bytes_put_u64(head + ISSUER_SIZE_AT, issuer.len);
	if (issuer.len > 0)
		memcpy(head + HEAD_SIZE, issuer.data, issuer.len);
	if (prefix.len > 0)
		memcpy(head + HEAD_SIZE + issuer.len, prefix.data, prefix.len);
	base64url_encode(bytes_view(head, head_size), out);
	out[head_text] = '.';
	base64url_encode(token->claims, out + head_text + 1);
	return out;
}

static Bytes
string_member(const JsonValue *object, const char *name)
{
	const JsonValue *value = json_member(object, name);

	return value != NULL && value->kind == JSON_STRING ? value->text : bytes_view(NULL, 0);
}

Identity *
IdentityDecode(const char *text)
{
	const char *dot = strchr(text, '.');
	size_t text_size = strlen(text);
	size_t room = base64url_decoded_bound(text_size) + 1;
	size_t values_size = sizeof(JsonValue) * JWT_VALUES_MAX;
	size_t head_size;
	size_t claims_size;
	Identity *out;
	uint8 *head;
	uint8 *claims;
	JsonValue *values;

	if (dot == NULL || (out = compat_guc_malloc(sizeof(Identity) + values_size + 3 * room)) == NULL)
		return NULL;
	values = (JsonValue *) (out + 1);
	head = (uint8 *) (values + JWT_VALUES_MAX);
	claims = head + room;
	if (!base64url_decode(bytes_view(text, dot - text), head, &head_size) ||
		head_size < HEAD_SIZE || bytes_get_u64(head + ISSUER_SIZE_AT) > head_size - HEAD_SIZE ||
		!base64url_decode(bytes_view(dot + 1, text_size - (dot + 1 - text)), claims,
						  &claims_size) ||
		(claims_size > 0 && (json_read(bytes_view(claims, claims_size), values, JWT_VALUES_MAX,
									   claims + room) != JSON_OK ||
							 values[0].kind != JSON_OBJECT)))
	{
		compat_guc_free(out);
		return NULL;
	}
	out->times.expires = (int64) bytes_get_u64(head);
	out->times.issued = (int64) bytes_get_u64(head + 8);
	out->times.not_before = (int64) bytes_get_u64(head + 16);
	out->issuer_created = (int64) bytes_get_u64(head + 24);
	out->transaction_only = head[TIMES_SIZE] != 0;
	memcpy(out->outer_role, head + TIMES_SIZE + 1, NAMEDATALEN);
	memcpy(out->session_outer_role, head + TIMES_SIZE + 1 + NAMEDATALEN, NAMEDATALEN);
	out->issuer = bytes_view(head + HEAD_SIZE, bytes_get_u64(head + ISSUER_SIZE_AT));
	out->prefix =
		bytes_view(out->issuer.data + out->issuer.len, head_size - HEAD_SIZE - out->issuer.len);
	out->object = NULL;
	out->subject = out->id = bytes_view(NULL, 0);
	if (claims_size > 0)
	{
		out->object = values;
		out->subject = string_member(values, "sub");
		out->id = string_member(values, "jti");
	}
	return out;
}
