/*
 * jose.h
 *		What the tests of token/ share: keys and tokens of the RFCs, and keys made of such.
 */
#ifndef TAROT_TEST_JOSE_H
#define TAROT_TEST_JOSE_H

#include "jose_vectors.h"
#include "token/jwk.h"
#include "unit.h"

/* The key of a public or a secret JWK that must be good. */
static inline TokenKey *
good_key(const char *json)
{
	TokenKey *key;
	JwkSet set;
	int where;

	if (jwk_read_secret(bytes_of_string(json), &key) == TOKEN_KEY_OK)
		return key;
	if (jwk_set_read(bytes_of_string(json), &set, &where) != TOKEN_KEY_OK)
		die("a good key is refused");
	return set.keys[0];
}

#endif
