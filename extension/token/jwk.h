/*
 * jwk.h
 *		Keys from JSON Web Keys (RFC 7517, 7518 section 6, 8037) and sets of them.
 *
 * Each number must be canonical base64url of its one right length. "use",
 * "key_ops" and "alg" are obeyed. Certificates in a key (x5c and so on) are not
 * looked at: the administrator who gives the key vouches for it.
 */
#ifndef TAROT_TOKEN_JWK_H
#define TAROT_TOKEN_JWK_H

#include "token/key.h"

/* The largest providers publish about ten keys, in 20 kB with their certificates. */
#define JWK_SET_MAX 32
#define JWK_TEXT_MAX (128 * 1024)
#define JWK_VALUES_MAX 4096

typedef struct JwkSet
{
	TokenKey *keys[JWK_SET_MAX];
	int count;
} JwkSet;

/*
 * The public keys of a set, {"keys": [...]}, or of one key by itself. A key that
 * is of a kind, curve, algorithm or use that we do not know is left out, as RFC
 * 7517, section 5, asks, so that an issuer can add new ones. Any other fault in
 * any key is an error, and `where` its place from 0 (-1: the set itself): an
 * administrator should hear of it before tokens fail. So is anything private or
 * symmetric, for who publishes that has lost it. On an error the set is empty.
 */
extern TokenKeyStatus jwk_set_read(Bytes json, JwkSet *set, int *where);
extern void jwk_set_free(JwkSet *set);

/*
 * A private or symmetric key, which signs and verifies; with "key_ops" a
 * symmetric one may be for verifying alone.
 */
extern TokenKeyStatus jwk_read_secret(Bytes json, TokenKey **key);

#endif
