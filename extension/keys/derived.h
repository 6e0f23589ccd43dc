/*
 * derived.h
 *		An HMAC key derived from a data key, kept ready for many messages.
 */
#ifndef TAROT_KEYS_DERIVED_H
#define TAROT_KEYS_DERIVED_H

#include "base/bytes.h"
#include "base/catalog.h"
#include "crypto/hash.h"
#include "keys/root.h"

/* Zeroed at first. */
typedef struct DerivedHmac
{
	Hmac *hmac; /* NULL until used */
	uint64 epoch;
	uint64 generation;
} DerivedHmac;

/* What it is derived from: a version, or, where that is 0, the oldest that may open. */
typedef struct DerivedFrom
{
	uint32 key_id;
	uint32 version;
	Bytes purpose; /* tells apart what is derived from one version */
} DerivedFrom;

/* Derives again whenever a policy table changed or the server was locked in between. */
extern Hmac *DerivedHmacGet(DerivedHmac *derived, const DerivedFrom *from);

/* The same where that is not needed, else NULL. */
static inline Hmac *
DerivedHmacAtHand(const DerivedHmac *derived)
{
	return derived->epoch == CatalogEpoch && derived->generation == RootKeyGeneration()
			   ? derived->hmac
			   : NULL;
}

/* Wipes it if the server was locked since it was derived, or if `always`. */
extern void DerivedHmacForget(DerivedHmac *derived, bool always);

#endif
