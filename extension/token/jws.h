/*
 * jws.h
 *		The signed form of a token: JWS compact serialization, RFC 7515, section
 *		7.1. What it says is jwt.h's.
 *
 * Keys come from the issuer alone: jwk, jku, x5u and x5c in a header are not
 * looked at, and kid only chooses among the issuer's keys.
 */
#ifndef TAROT_TOKEN_JWS_H
#define TAROT_TOKEN_JWS_H

#include "token/json.h"
#include "token/key.h"
#include "token/status.h"

/*
 * The whole text. It travels in an HTTP header, and servers take 8 kB (nginx,
 * Apache) to 16 kB (Node.js) of those.
 */
#define JWS_SIZE_MAX 16384
#define JWS_DECODED_MAX (JWS_SIZE_MAX / 4 * 3 + 6)

/* Members of a header and what is in them; a header with everything in it has some 20. */
#define JWS_HEADER_VALUES_MAX 64

/*
 * How many keys one token is tried with. A kid names one; a token without one
 * would make each key of the issuer work, for anybody's bytes.
 */
#define JWS_TRIES_MAX 4

/* A token as it was read. Large: to be kept and used again, not to be made on the stack. */
typedef struct Jws
{
	TokenAlgorithm algorithm;
	Bytes kid;           /* data NULL: none */
	Bytes signing_input; /* of the text that was read */
	Bytes payload;       /* decoded, as all below */
	Bytes signature;
	JsonStatus json; /* more about JWT_BAD_HEADER */

	JsonValue header[JWS_HEADER_VALUES_MAX];
	uint8_t strings[JWS_DECODED_MAX];
	uint8_t decoded[JWS_DECODED_MAX];
} Jws;

/* Points into the text. JWT_VALID: it has the form of a token, and nothing more is known. */
extern JwtStatus jws_read(Bytes text, Jws *jws);

/* JWT_VALID: one of the keys made its signature with one of the accepted algorithms. */
extern JwtStatus
jws_verify(const Jws *jws, TokenKey *const *keys, int nkeys, TokenAlgorithms accepted);

/*
 * Signs. Writes at most JWS_SIZE_MAX characters and a terminating zero; the header
 * has alg, typ "JWT", and kid where the key has one. JWT_TOO_LARGE, JWT_FAILED,
 * or JWT_UNKNOWN_KEY where the key cannot sign with this algorithm.
 */
extern JwtStatus jws_sign(TokenKey *key, TokenAlgorithm algorithm, Bytes payload,
						  char out[JWS_SIZE_MAX + 1], size_t *size);

#endif
