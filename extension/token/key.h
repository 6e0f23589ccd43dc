/*
 * key.h
 *		A key that signs tokens or verifies them, made ready once for many.
 *
 * Which algorithms a key may serve is decided when it is made, by its kind and
 * never by a token, so that a public key cannot be taken for an HMAC secret
 * (RFC 8725, sections 2.1 and 3.1).
 *
 * OpenSSL computes RSA, ECDSA and HMAC, libsodium Ed25519: in half the time, and
 * refusing keys and signatures of small order, which RFC 8032 leaves open. An
 * Ed25519 secret lies in secret memory; the others' copies inside OpenSSL's
 * objects are on the ordinary heap, wiped when freed.
 *
 * jwk.h makes keys from their JSON form.
 */
#ifndef TAROT_TOKEN_KEY_H
#define TAROT_TOKEN_KEY_H

#include "base/bytes.h"
#include "crypto/status.h"
#include "token/algorithm.h"

/*
 * RSA: RFC 7518, sections 3.3 and 3.5, asks for 2048 bits. Above 8192 a hostile
 * key only makes every verification slow. The exponent as in FIPS 186-5, A.1.1:
 * odd and above 2^16; and no larger than 32 bits, which all keys in use are.
 */
#define TOKEN_RSA_BITS_MIN 2048
#define TOKEN_RSA_BITS_MAX 8192
#define TOKEN_RSA_EXPONENT_MIN UINT32_C(65537)

/*
 * A secret is at least as long as the hash (RFC 7518, section 3.2). Beyond a
 * block, 128 bytes at most, HMAC only hashes it.
 */
#define TOKEN_HMAC_SECRET_MAX 1024

/* Of RSA with 8192 bits. */
#define TOKEN_SIGNATURE_MAX (TOKEN_RSA_BITS_MAX / 8)

/* A name longer than this is no name. */
#define TOKEN_KEY_ID_MAX 255

/* SHA-256 in base64url: RFC 7638 */
#define TOKEN_THUMBPRINT_SIZE 43

typedef enum TokenKeyStatus
{
	TOKEN_KEY_OK = 0,
	TOKEN_KEY_MALFORMED,   /* not the JSON it must be: a member is missing, or has another form */
	TOKEN_KEY_UNSUPPORTED, /* of a kind, curve, algorithm or use that is not for us */
	TOKEN_KEY_WEAK,        /* too short an RSA key or secret, too small an exponent */
	TOKEN_KEY_TOO_LARGE,   /* too long an RSA key or secret, too long a text */
	TOKEN_KEY_INVALID,     /* not on the curve, of small order, halves that do not fit */
	TOKEN_KEY_SECRET,      /* a private or symmetric key where only public ones may be */
	TOKEN_KEY_NOT_SECRET,  /* a public key where one is to sign */
	TOKEN_KEY_TOO_MANY,    /* more keys than a set may have */
	TOKEN_KEY_NONE,        /* a set without a key for us */
	TOKEN_KEY_FAILED,      /* the library refused: out of memory, no such algorithm */
} TokenKeyStatus;

/* "an RSA key of too few bits, ...", for a message; never a part of the key. */
extern const char *token_key_status_text(TokenKeyStatus status);

typedef struct TokenKey TokenKey;

/*
 * An RSA key's numbers, big-endian without leading zeros, as RFC 7518, section
 * 6.3, has them. A public key has n and e, a private one d too, and all of the
 * rest or none.
 */
typedef struct TokenRsa
{
	Bytes n, e, d;
	Bytes p, q, dp, dq, qi;
} TokenRsa;

/*
 * Each makes a key for those of the algorithms that its kind can serve; none of
 * them is a contradiction, TOKEN_KEY_MALFORMED. A private key is tried on itself,
 * so that halves that do not fit never sign.
 */
extern TokenKeyStatus
token_key_from_rsa(const TokenRsa *rsa, TokenAlgorithms algorithms, TokenKey **key);

/* The curve of ES256, ES384 or ES512. x, y and d have the field's length; without d it is public.
 */
extern TokenKeyStatus token_key_from_ec(TokenAlgorithm curve, Bytes x, Bytes y, Bytes d,
										TokenAlgorithms algorithms, TokenKey **key);

/* RFC 8037: 32 bytes each; without d it is public. */
extern TokenKeyStatus
token_key_from_ed25519(Bytes x, Bytes d, TokenAlgorithms algorithms, TokenKey **key);

/* Serves each HMAC whose hash is no longer than the secret. */
extern TokenKeyStatus
token_key_from_secret(Bytes secret, TokenAlgorithms algorithms, TokenKey **key);

/* For a secret that is only to verify: its owner may say so. */
extern void token_key_forbid_signing(TokenKey *key);

/* Wipes what is secret; NULL is allowed. */
extern void token_key_free(TokenKey *key);

/* The name that tokens call it by; copied. False when it is too long. */
extern bool token_key_set_id(TokenKey *key, Bytes id);

/* TOKEN_THUMBPRINT_SIZE characters. */
extern void token_key_set_thumbprint(TokenKey *key, const char *thumbprint);

/* len 0: it has none. */
extern Bytes token_key_id(const TokenKey *key);
extern Bytes token_key_thumbprint(const TokenKey *key);

extern TokenAlgorithms token_key_algorithms(const TokenKey *key);
extern bool token_key_can_sign(const TokenKey *key);

/* ECDSA's length, r and s one after the other (RFC 7518, 3.4), and so on. */
extern size_t token_signature_size(const TokenKey *key, TokenAlgorithm algorithm);

/*
 * CRYPTO_OK, CRYPTO_UNAUTHENTIC, or CRYPTO_FAILED where a library did. The key
 * must be for the algorithm. MACs are compared in constant time.
 */
extern CryptoStatus
token_key_verify(TokenKey *key, TokenAlgorithm algorithm, Bytes message, Bytes signature);

/* Writes token_signature_size bytes. */
extern CryptoStatus
token_key_sign(TokenKey *key, TokenAlgorithm algorithm, Bytes message, uint8_t *signature);

#endif
