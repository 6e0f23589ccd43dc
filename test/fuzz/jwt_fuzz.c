/*
 * jwt_fuzz.c
 *		Any bytes as a token, as a header and as claims.
 *
 * clang -fsanitize=fuzzer,address,undefined; seeds: corpus/jwt, by make-corpus.
 * The first byte chooses what the rest is:
 *	0	a whole token: what is read is what would be written; it is not valid, for
 *		who made it does not know the key
 *	1	claims, signed by us: valid only within their times
 *	2	a header, signed by us over good claims
 */

#include "crypto/encoding.h"
#include "token/jwt.h"
#include "fuzz.h"

#define NOW (INT64_C(1700000000) * JWT_SECOND)
#define HOUR (3600 * JWT_SECOND)

static Jwt *jwt;
static TokenKey *key;
static char token[4 * JWS_SIZE_MAX];

static const Bytes audience = {(const uint8_t *) "a", 1};
static const JwtPolicy policy = {.issuer = {(const uint8_t *) "i", 1},
								 .audiences = &audience,
								 .naudiences = 1,
								 .algorithms = TOKEN_ALGORITHMS_ALL,
								 .max_age = 24 * HOUR,
								 .max_lifetime = 24 * HOUR,
								 .leeway = 0};

static JwtStatus
check(Bytes text)
{
	JwtStatus form = jwt_read(jwt, text);
	Bytes issuer = jwt_unverified_issuer(jwt);
	JwtStatus status = jwt_verify(jwt, &key, 1, &policy, NOW);
	const JwtClaims *claims = jwt_claims(jwt);

	require(status >= JWT_VALID && status < JWT_FAILED && jwt_status_name(status) != NULL);
	require(form == JWT_VALID || (status == form && issuer.len == 0));
	require((status == JWT_VALID) == (claims != NULL));
	if (claims != NULL)
	{
		require(issuer.len == 1 && issuer.data[0] == 'i' && claims->issuer.len == 1);
		require(claims->times.issued <= NOW && claims->times.not_before <= NOW);
		require(claims->times.expires > NOW);
		require(claims->times.expires - claims->times.issued <= policy.max_lifetime);
		require(claims->subject.len <= JWT_SUBJECT_MAX && claims->id.len <= JWT_ID_MAX);
		require(claims->object->kind == JSON_OBJECT);
	}
	return status;
}

/* Any text: read to parts that are spelled as they were. */
static void
fuzz_text(Bytes text)
{
	static Jws jws;
	JwtStatus status = jws_read(text, &jws);
	size_t length;

	require(check(text) != JWT_VALID);
	if (status != JWT_VALID)
		return;
	require(jws.signing_input.data == text.data && text.data[jws.signing_input.len] == '.');
	length = jws.signing_input.len + 1;
	base64url_encode(jws.signature, token);
	require(length + strlen(token) == text.len);
	require(memcmp(token, text.data + length, strlen(token)) == 0);
	base64url_encode(jws.payload, token);
	length = jws.signing_input.len - strlen(token);
	require(text.data[length - 1] == '.');
	require(memcmp(token, text.data + length, strlen(token)) == 0);
}

static void
fuzz_claims(Bytes claims)
{
	size_t size;
	JwtStatus signed_as = jwt_sign(jwt, key, TOKEN_HS256, claims, token, &size);
	JwtStatus status;

	if (signed_as != JWT_VALID)
	{
		require(signed_as == JWT_BAD_CLAIMS || signed_as == JWT_MISSING_CLAIM ||
				signed_as == JWT_TOO_LARGE);
		return;
	}
	require(size == strlen(token) && size <= JWS_SIZE_MAX);
	status = check(bytes_view(token, size));
	require(status == JWT_VALID || (status >= JWT_WRONG_ISSUER && status <= JWT_TOO_OLD));
	if (status == JWT_VALID)
	{
		const JwtClaims *read = jwt_claims(jwt);

		require(read->text.len == claims.len &&
				memcmp(read->text.data, claims.data, claims.len) == 0);
	}
}

static void
fuzz_header(Bytes header)
{
	static const char claims[] =
		"{\"iss\":\"i\",\"aud\":\"a\",\"iat\":1700000000,\"exp\":1700003600}";
	uint8_t signature[32];
	size_t size;
	JwtStatus status;

	base64url_encode(header, token);
	size = strlen(token);
	token[size++] = '.';
	base64url_encode(bytes_of_string(claims), token + size);
	size += strlen(token + size);
	require(token_key_sign(key, TOKEN_HS256, bytes_view(token, size), signature) == CRYPTO_OK);
	token[size++] = '.';
	base64url_encode(bytes_view(signature, sizeof(signature)), token + size);
	status = check(bytes_of_string(token));
	require(status == JWT_VALID ||
			(status >= JWT_TOO_LARGE && status <= JWT_UNKNOWN_KEY && status != JWT_MALFORMED));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[32] = "the secret of the fuzzing corpus";
	Bytes rest;

	if (jwt == NULL)
	{
		require((jwt = jwt_create()) != NULL);
		require(token_key_from_secret(bytes_view(secret, sizeof(secret)), TOKEN_ALGORITHMS_ALL,
									  &key) == TOKEN_KEY_OK);
	}
	if (size == 0 || size > 2 * JWS_SIZE_MAX)
		return 0;
	rest = bytes_view(data + 1, size - 1);
	if (data[0] % 3 == 0)
		fuzz_text(rest);
	else if (data[0] % 3 == 1)
		fuzz_claims(rest);
	else
		fuzz_header(rest);
	return 0;
}
