/*
 * derived.c
 *		An HMAC key derived from a data key, kept ready for many messages.
 */
#include "postgres.h"

#include "base/secret.h"
#include "keys/derived.h"
#include "keys/ring.h"

void
DerivedHmacForget(DerivedHmac *derived, bool always)
{
	if (derived->hmac == NULL || (!always && derived->generation == RootKeyGeneration()))
		return;
	hmac_free(derived->hmac);
	derived->hmac = NULL;
}

static void
derive(DerivedHmac *derived, const DerivedFrom *from)
{
	uint8_t secret[HASH_SIZE];

	DerivedHmacForget(derived, true);
	derived->epoch = CatalogEpoch;
	derived->generation = RootKeyGeneration();
	if (from->version == 0)
		KeyRingDerive(from->key_id, from->purpose, secret, sizeof(secret));
	else
		KeyRingDeriveFrom(from->key_id, from->version, from->purpose, secret, sizeof(secret));
	derived->hmac = hmac_create(bytes_view(secret, sizeof(secret)));
	secret_wipe(secret, sizeof(secret));
	CryptoCheck(derived->hmac == NULL ? CRYPTO_FAILED : CRYPTO_OK);
}

Hmac *
DerivedHmacGet(DerivedHmac *derived, const DerivedFrom *from)
{
	if (unlikely(DerivedHmacAtHand(derived) == NULL))
		derive(derived, from);
	return derived->hmac;
}
