/*
 * key.c
 *		Making keys ready, and refusing those that should not be.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "base/secret.h"
#include "token/key_parts.h"

#define ED25519_SEED_SIZE crypto_sign_SEEDBYTES

/* RSA's numbers, in OpenSSL's names. The first two make a public key, the first three a private
 * one. */
#define RSA_NUMBERS 8

static const char *const rsa_names[RSA_NUMBERS] = {
	OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,           OSSL_PKEY_PARAM_RSA_D,
	OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,     OSSL_PKEY_PARAM_RSA_EXPONENT1,
	OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};

/* The curves, by the algorithm that each is for: RFC 7518, section 3.4. */
static const struct
{
	const char *group;
	size_t field_size;
} curves[TOKEN_ALGORITHM_COUNT] = {
	[TOKEN_ES256] = {"P-256", 32}, [TOKEN_ES384] = {"P-384", 48}, [TOKEN_ES512] = {"P-521", 66}};

#define FIELD_SIZE_MAX 66

static TokenAlgorithms
algorithms_of_scheme(TokenScheme scheme)
{
	TokenAlgorithms found = 0;

	for (int i = 0; i < TOKEN_ALGORITHM_COUNT; i++)
	{
		if (token_algorithm((TokenAlgorithm) i)->scheme == scheme)
			found |= TOKEN_ALGORITHM_BIT(i);
	}
	return found;
}

static TokenKey *
new_key(TokenAlgorithms algorithms, bool can_sign)
{
	TokenKey *key = sodium_init() < 0 ? NULL : calloc(1, sizeof(TokenKey));

	if (key != NULL)
	{
		key->algorithms = algorithms;
		key->can_sign = can_sign;
	}
	return key;
}

void
token_key_free(TokenKey *key)
{
	if (key == NULL)
		return;
	for (int i = 0; i < TOKEN_ALGORITHM_COUNT; i++)
	{
		EVP_PKEY_CTX_free(key->verify[i]);
		EVP_PKEY_CTX_free(key->sign[i]);
		EVP_MAC_CTX_free(key->mac[i]);
	}
	EVP_PKEY_free(key->pkey);
	secret_free(key->edwards_secret);
	free(key);
}

/* Either the key or the reason why there is none. */
static TokenKeyStatus
finish(TokenKeyStatus status, TokenKey *made, TokenKey **key)
{
	if (status != TOKEN_KEY_OK)
	{
		token_key_free(made);
		made = NULL;
	}
	*key = made;
	return status;
}

/* NULL where these numbers are no key. */
static EVP_PKEY *
import(const char *type, int selection, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* Copies a big-endian number into the order of this machine, in which OpenSSL takes them. */
static void
copy_native(Bytes number, uint8_t *out)
{
	const uint16_t one = 1;
	bool little_endian = *(const uint8_t *) &one == 1;

	for (size_t i = 0; i < number.len; i++)
		out[little_endian ? number.len - 1 - i : i] = number.data[i];
}

/* ---------------------------------------------------------------- RSA */

static TokenKeyStatus
check_rsa(const Bytes numbers[RSA_NUMBERS])
{
	Bytes n = numbers[0], e = numbers[1];
	uint32_t exponent = 0;
	size_t bits;

	/* RFC 7518, section 6.3.2: d, and then all of the others or none of them. */
	for (int i = 0; i < RSA_NUMBERS; i++)
	{
		bool present = numbers[i].len > 0;
		bool needed = i < 2 || (i >= 3 && numbers[3].len > 0);
		bool allowed = i < 3 || (numbers[2].len > 0 && numbers[3].len > 0);

		if ((needed && !present) || (present && !allowed))
			return TOKEN_KEY_MALFORMED;
		if (present && numbers[i].data[0] == 0)
			return TOKEN_KEY_MALFORMED;
		if (numbers[i].len > TOKEN_RSA_BITS_MAX / 8)
			return TOKEN_KEY_TOO_LARGE;
	}
	bits = n.len * 8;
	for (uint8_t top = n.data[0]; top < 0x80; top = (uint8_t) (top << 1))
		bits--;
	if (bits < TOKEN_RSA_BITS_MIN)
		return TOKEN_KEY_WEAK;
	if (e.len > sizeof(exponent))
		return TOKEN_KEY_TOO_LARGE;
	for (size_t i = 0; i < e.len; i++)
		exponent = exponent << 8 | e.data[i];
	if (exponent < TOKEN_RSA_EXPONENT_MIN)
		return TOKEN_KEY_WEAK;
	return n.data[n.len - 1] % 2 == 0 || exponent % 2 == 0 ? TOKEN_KEY_INVALID : TOKEN_KEY_OK;
}

/* Signs a message and verifies that, which only the public half that belongs to it does. */
static TokenKeyStatus
try_pair(TokenKey *key)
{
	const Bytes message = bytes_of_string("tarot_security v1 pair");
	uint8_t signature[TOKEN_SIGNATURE_MAX];
	TokenAlgorithm algorithm = 0;

	while ((key->algorithms & TOKEN_ALGORITHM_BIT(algorithm)) == 0)
		algorithm++;
	if (token_key_sign(key, algorithm, message, signature) != CRYPTO_OK ||
		token_key_verify(key, algorithm, message,
						 bytes_view(signature, token_signature_size(key, algorithm))) != CRYPTO_OK)
		return TOKEN_KEY_INVALID;
	return TOKEN_KEY_OK;
}

TokenKeyStatus
token_key_from_rsa(const TokenRsa *rsa, TokenAlgorithms algorithms, TokenKey **key)
{
	const Bytes numbers[RSA_NUMBERS] = {rsa->n, rsa->e,  rsa->d,  rsa->p,
										rsa->q, rsa->dp, rsa->dq, rsa->qi};
	OSSL_PARAM params[RSA_NUMBERS + 1];
	OSSL_PARAM *param = params;
	TokenKey *made;
	TokenKeyStatus status = check_rsa(numbers);
	uint8_t *room;

	*key = NULL;
	algorithms &= algorithms_of_scheme(TOKEN_RSA_PKCS1) | algorithms_of_scheme(TOKEN_RSA_PSS);
	if (status == TOKEN_KEY_OK && algorithms == 0)
		status = TOKEN_KEY_MALFORMED;
	if (status != TOKEN_KEY_OK)
		return status;

	made = new_key(algorithms, rsa->d.len > 0);
	room = secret_alloc(RSA_NUMBERS * TOKEN_RSA_BITS_MAX / 8);
	if (made == NULL || room == NULL)
		status = TOKEN_KEY_FAILED;
	else
	{
		for (int i = 0; i < RSA_NUMBERS; i++)
		{
			uint8_t *native = room + (size_t) i * (TOKEN_RSA_BITS_MAX / 8);

			if (numbers[i].len == 0)
				continue;
			copy_native(numbers[i], native);
			*param++ = OSSL_PARAM_construct_BN(rsa_names[i], native, numbers[i].len);
		}
		*param = OSSL_PARAM_construct_end();
		ERR_set_mark();
		made->pkey = import("RSA", made->can_sign ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params);
		ERR_pop_to_mark();
		made->signature_size = rsa->n.len;
		status = made->pkey == NULL ? TOKEN_KEY_INVALID
				 : made->can_sign   ? try_pair(made)
									: TOKEN_KEY_OK;
	}
	secret_free(room);
	return finish(status, made, key);
}

/* ---------------------------------------------------------------- elliptic curves */

/* OpenSSL checks that the point is on the curve; all of its points are of the right order. */
static EVP_PKEY *
import_ec(const char *group, Bytes point, Bytes d)
{
	uint8_t native[FIELD_SIZE_MAX];
	OSSL_PARAM params[4];
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx;

	copy_native(d, native);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *) group, 0);
	params[1] =
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *) point.data, point.len);
	params[2] = d.len == 0 ? OSSL_PARAM_construct_end()
						   : OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, d.len);
	params[3] = OSSL_PARAM_construct_end();
	pkey = import("EC", d.len == 0 ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, params);
	secret_wipe(native, sizeof(native));

	/* Of a pair: that d is in its range, and that the point is d times the generator. */
	if (pkey != NULL && d.len > 0)
	{
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
		if (ctx == NULL || EVP_PKEY_check(ctx) != 1)
		{
			EVP_PKEY_free(pkey);
			pkey = NULL;
		}
		EVP_PKEY_CTX_free(ctx);
	}
	return pkey;
}

TokenKeyStatus
token_key_from_ec(TokenAlgorithm curve, Bytes x, Bytes y, Bytes d, TokenAlgorithms algorithms,
				  TokenKey **key)
{
	uint8_t point[1 + 2 * FIELD_SIZE_MAX];
	size_t size = curves[curve].field_size;
	TokenKey *made;

	*key = NULL;
	algorithms &= TOKEN_ALGORITHM_BIT(curve);
	if (algorithms == 0 || size == 0 || x.len != size || y.len != size ||
		(d.len != 0 && d.len != size))
		return TOKEN_KEY_MALFORMED;
	if ((made = new_key(algorithms, d.len > 0)) == NULL)
		return TOKEN_KEY_FAILED;

	point[0] = 0x04; /* uncompressed, SEC 1, section 2.3.3 */
	memcpy(point + 1, x.data, size);
	memcpy(point + 1 + size, y.data, size);
	ERR_set_mark();
	made->pkey = import_ec(curves[curve].group, bytes_view(point, 1 + 2 * size), d);
	ERR_pop_to_mark();
	made->signature_size = 2 * size;
	return finish(made->pkey == NULL ? TOKEN_KEY_INVALID : TOKEN_KEY_OK, made, key);
}

TokenKeyStatus
token_key_from_ed25519(Bytes x, Bytes d, TokenAlgorithms algorithms, TokenKey **key)
{
	uint8_t derived[crypto_sign_PUBLICKEYBYTES];
	TokenKey *made;

	*key = NULL;
	algorithms &= algorithms_of_scheme(TOKEN_EDWARDS);
	if (algorithms == 0 || x.len != crypto_sign_PUBLICKEYBYTES ||
		(d.len != 0 && d.len != ED25519_SEED_SIZE))
		return TOKEN_KEY_MALFORMED;
	if ((made = new_key(algorithms, d.len > 0)) == NULL)
		return TOKEN_KEY_FAILED;
	memcpy(made->edwards_public, x.data, x.len);

	/* Under a point of small order one signature would be right for many messages. */
	if (crypto_core_ed25519_is_valid_point(made->edwards_public) != 1)
		return finish(TOKEN_KEY_INVALID, made, key);
	if (d.len == 0)
		return finish(TOKEN_KEY_OK, made, key);

	/* Signing under another public key than d's own would give d away: it must be the one. */
	if ((made->edwards_secret = secret_alloc(crypto_sign_SECRETKEYBYTES)) == NULL)
		return finish(TOKEN_KEY_FAILED, made, key);
	if (crypto_sign_seed_keypair(derived, made->edwards_secret, d.data) != 0 ||
		memcmp(derived, x.data, x.len) != 0)
		return finish(TOKEN_KEY_INVALID, made, key);
	return finish(TOKEN_KEY_OK, made, key);
}

/* ---------------------------------------------------------------- HMAC */

static bool
key_mac(EVP_MAC_CTX **ctx, const char *hash, Bytes secret)
{
	static EVP_MAC *hmac;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *) hash, 0),
		OSSL_PARAM_construct_end()};

	if (hmac == NULL && (hmac = EVP_MAC_fetch(NULL, "HMAC", NULL)) == NULL)
		return false;
	return (*ctx = EVP_MAC_CTX_new(hmac)) != NULL &&
		   EVP_MAC_init(*ctx, secret.data, secret.len, params) == 1;
}

TokenKeyStatus
token_key_from_secret(Bytes secret, TokenAlgorithms algorithms, TokenKey **key)
{
	TokenKey *made;

	*key = NULL;
	algorithms &= algorithms_of_scheme(TOKEN_HMAC);
	if (algorithms == 0)
		return TOKEN_KEY_MALFORMED;
	if (secret.len > TOKEN_HMAC_SECRET_MAX)
		return TOKEN_KEY_TOO_LARGE;
	for (int i = 0; i < TOKEN_ALGORITHM_COUNT; i++)
	{
		if (token_algorithm((TokenAlgorithm) i)->hash_size > secret.len)
			algorithms &= ~TOKEN_ALGORITHM_BIT(i);
	}
	if (algorithms == 0)
		return TOKEN_KEY_WEAK;
	if ((made = new_key(algorithms, true)) == NULL)
		return TOKEN_KEY_FAILED;
	for (int i = 0; i < TOKEN_ALGORITHM_COUNT; i++)
	{
		if ((algorithms & TOKEN_ALGORITHM_BIT(i)) != 0 &&
			!key_mac(&made->mac[i], token_algorithm((TokenAlgorithm) i)->hash, secret))
			return finish(TOKEN_KEY_FAILED, made, key);
	}
	return finish(TOKEN_KEY_OK, made, key);
}

/* ---------------------------------------------------------------- names and uses */

void
token_key_forbid_signing(TokenKey *key)
{
	key->can_sign = false;
}

bool
token_key_set_id(TokenKey *key, Bytes id)
{
	if (id.len > TOKEN_KEY_ID_MAX)
		return false;
	if (id.len > 0)
		memcpy(key->id, id.data, id.len);
	key->id_size = id.len;
	return true;
}

void
token_key_set_thumbprint(TokenKey *key, const char *thumbprint)
{
	memcpy(key->thumbprint, thumbprint, TOKEN_THUMBPRINT_SIZE);
	key->has_thumbprint = true;
}

Bytes
token_key_id(const TokenKey *key)
{
	return bytes_view(key->id, key->id_size);
}

Bytes
token_key_thumbprint(const TokenKey *key)
{
	return bytes_view(key->thumbprint, key->has_thumbprint ? TOKEN_THUMBPRINT_SIZE : 0);
}

TokenAlgorithms
token_key_algorithms(const TokenKey *key)
{
	return key->algorithms;
}

bool
token_key_can_sign(const TokenKey *key)
{
	return key->can_sign;
}

const char *
token_key_status_text(TokenKeyStatus status)
{
	switch (status)
	{
		case TOKEN_KEY_OK:
			return "a key";
		case TOKEN_KEY_MALFORMED:
			return "not a JSON Web Key: a member is missing or has another form";
		case TOKEN_KEY_UNSUPPORTED:
			return "a kind, curve, algorithm or use that is not supported";
		case TOKEN_KEY_WEAK:
			return "an RSA key, exponent or secret that is too small";
		case TOKEN_KEY_TOO_LARGE:
			return "an RSA key, exponent, secret or text that is too large";
		case TOKEN_KEY_INVALID:
			return "numbers that are no key, or no pair";
		case TOKEN_KEY_SECRET:
			return "a private or symmetric key where only public ones may be";
		case TOKEN_KEY_NOT_SECRET:
			return "a public key where one that signs is needed";
		case TOKEN_KEY_TOO_MANY:
			return "too many keys";
		case TOKEN_KEY_NONE:
			return "no key that can verify";
		case TOKEN_KEY_FAILED:
			return "the cryptographic library failed";
	}
	return "unknown";
}
