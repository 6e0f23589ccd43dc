/*
 * jws.c
 *		The signed form of a token.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/encoding.h"
#include "token/jws.h"

#define HEADER_MAX (64 + 6 * TOKEN_KEY_ID_MAX)

/* ---------------------------------------------------------------- reading */

/* Decodes the part before the next dot, or the last part; `rest` moves behind it. */
static bool
read_part(Bytes *rest, bool last, uint8_t **room, Bytes *part)
{
	const uint8_t *dot = rest->len == 0 ? NULL : memchr(rest->data, '.', rest->len);
	size_t length = dot == NULL ? rest->len : (size_t) (dot - rest->data);
	size_t size;

	if ((dot == NULL) != last || !base64url_decode(bytes_view(rest->data, length), *room, &size))
		return false;
	*part = bytes_view(*room, size);
	*room += size;
	if (!last)
		*rest = bytes_view(dot + 1, rest->len - length - 1);
	return true;
}

static bool
is_without_case(Bytes text, const char *lower)
{
	if (text.len != strlen(lower))
		return false;
	for (size_t i = 0; i < text.len; i++)
	{
		uint8_t c = text.data[i];

		if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != (uint8_t) lower[i])
			return false;
	}
	return true;
}

/* RFC 7515, section 4.1.9: case does not matter, and application/ may be left out. */
static bool
is_media_type(Bytes text, const char *lower)
{
	static const char prefix[] = "application/";
	const size_t skipped = sizeof(prefix) - 1;

	if (text.len > skipped && is_without_case(bytes_view(text.data, skipped), prefix))
		text = bytes_view(text.data + skipped, text.len - skipped);
	return is_without_case(text, lower);
}

/*
 * RFC 8725, section 3.11: a token of another kind by the same issuer, say a
 * logout token, is not taken for one of ours. Without typ it is a JWT.
 */
static JwtStatus
check_type(const JsonValue *type)
{
	if (type == NULL)
		return JWT_VALID;
	if (type->kind != JSON_STRING)
		return JWT_BAD_HEADER;
	return is_media_type(type->text, "jwt") || is_media_type(type->text, "at+jwt") /* RFC 9068 */
			   ? JWT_VALID
			   : JWT_WRONG_TYPE;
}

static JwtStatus
read_header(Bytes text, Jws *jws)
{
	const JsonValue *algorithm, *kid;
	JwtStatus status;

	jws->json = json_read(text, jws->header, JWS_HEADER_VALUES_MAX, jws->strings);
	if (jws->json != JSON_OK)
		return JWT_BAD_HEADER;
	algorithm = json_member(jws->header, "alg");
	kid = json_member(jws->header, "kid");
	if (algorithm == NULL || algorithm->kind != JSON_STRING ||
		(kid != NULL && kid->kind != JSON_STRING))
		return JWT_BAD_HEADER;

	/*
	 * We have no extension, so whatever crit lists must be refused (RFC 7515,
	 * section 4.1.11). b64 changes what is signed (RFC 7797), zip what it means.
	 */
	if (json_member(jws->header, "crit") != NULL || json_member(jws->header, "b64") != NULL ||
		json_member(jws->header, "zip") != NULL)
		return JWT_UNSUPPORTED_HEADER;
	if ((status = check_type(json_member(jws->header, "typ"))) != JWT_VALID)
		return status;
	if (!token_algorithm_find(algorithm->text, &jws->algorithm))
		return JWT_WRONG_ALGORITHM;
	jws->kid = kid == NULL ? bytes_view(NULL, 0) : kid->text;
	return JWT_VALID;
}

JwtStatus
jws_read(Bytes text, Jws *jws)
{
	uint8_t *room = jws->decoded;
	Bytes rest = text;
	Bytes header;

	jws->json = JSON_OK;
	if (text.len > JWS_SIZE_MAX)
		return JWT_TOO_LARGE;
	if (!read_part(&rest, false, &room, &header) || !read_part(&rest, false, &room, &jws->payload))
		return JWT_MALFORMED;
	jws->signing_input = bytes_view(text.data, text.len - rest.len - 1);
	if (!read_part(&rest, true, &room, &jws->signature))
		return JWT_MALFORMED;
	return read_header(header, jws);
}

/* ---------------------------------------------------------------- verifying */

static bool
same_bytes(Bytes a, Bytes b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/*
 * Whether the key may have signed this. A key without a kid answers to every
 * one, for it cannot be told by it; any key answers to its thumbprint.
 */
static bool
is_candidate(const Jws *jws, const TokenKey *key)
{
	if ((token_key_algorithms(key) & TOKEN_ALGORITHM_BIT(jws->algorithm)) == 0)
		return false;
	if (jws->kid.data == NULL || token_key_id(key).len == 0)
		return true;
	return jws->kid.len > 0 && (same_bytes(jws->kid, token_key_id(key)) ||
								same_bytes(jws->kid, token_key_thumbprint(key)));
}

JwtStatus
jws_verify(const Jws *jws, TokenKey *const *keys, int nkeys, TokenAlgorithms accepted)
{
	int candidates = 0;
	bool failed = false;

	if ((accepted & TOKEN_ALGORITHM_BIT(jws->algorithm)) == 0)
		return JWT_WRONG_ALGORITHM;

	/* More than may be tried: none is, so that it does not depend on their order. */
	for (int i = 0; i < nkeys; i++)
		candidates += is_candidate(jws, keys[i]);
	if (candidates == 0 || candidates > JWS_TRIES_MAX)
		return JWT_UNKNOWN_KEY;
	for (int i = 0; i < nkeys; i++)
	{
		if (!is_candidate(jws, keys[i]))
			continue;
		switch (token_key_verify(keys[i], jws->algorithm, jws->signing_input, jws->signature))
		{
			case CRYPTO_OK:
				return JWT_VALID;
			case CRYPTO_UNAUTHENTIC:
				break;
			default:
				failed = true;
		}
	}
	return failed ? JWT_FAILED : JWT_BAD_SIGNATURE;
}

/* ---------------------------------------------------------------- signing */

static size_t
write_header(const TokenKey *key, TokenAlgorithm algorithm, char header[HEADER_MAX])
{
	size_t size = (size_t) snprintf(header, HEADER_MAX, "{\"alg\":\"%s\",\"typ\":\"JWT\"",
									token_algorithm(algorithm)->name);

	if (token_key_id(key).len > 0)
	{
		memcpy(header + size, ",\"kid\":", 7);
		size += 7;
		size += json_write_string(token_key_id(key), header + size);
	}
	header[size++] = '}';
	return size;
}

JwtStatus
jws_sign(TokenKey *key, TokenAlgorithm algorithm, Bytes payload, char out[JWS_SIZE_MAX + 1],
		 size_t *size)
{
	char header[HEADER_MAX];
	uint8_t signature[TOKEN_SIGNATURE_MAX];
	Bytes signature_bytes, header_bytes;
	size_t signed_size;

	if (!token_key_can_sign(key) ||
		(token_key_algorithms(key) & TOKEN_ALGORITHM_BIT(algorithm)) == 0)
		return JWT_UNKNOWN_KEY;
	header_bytes = bytes_view(header, write_header(key, algorithm, header));
	signature_bytes = bytes_view(signature, token_signature_size(key, algorithm));
	if (payload.len > JWS_DECODED_MAX)
		return JWT_TOO_LARGE;
	signed_size =
		base64url_encoded_size(header_bytes.len) + 1 + base64url_encoded_size(payload.len);
	*size = signed_size + 1 + base64url_encoded_size(signature_bytes.len);
	if (*size > JWS_SIZE_MAX)
		return JWT_TOO_LARGE;

	base64url_encode(header_bytes, out);
	out[base64url_encoded_size(header_bytes.len)] = '.';
	base64url_encode(payload, out + base64url_encoded_size(header_bytes.len) + 1);
	if (token_key_sign(key, algorithm, bytes_view(out, signed_size), signature) != CRYPTO_OK)
		return JWT_FAILED;
	out[signed_size] = '.';
	base64url_encode(signature_bytes, out + signed_size + 1);
	return JWT_VALID;
}
