/*
 * renew.h
 *		Moving values to the newest version of their class's key. It yields no
 *		plaintext, and so asks for no grant.
 */
#ifndef TAROT_GATE_RENEW_H
#define TAROT_GATE_RENEW_H

#include "class/class.h"
#include "crypto/envelope.h"

/* What is known of the class of the last value; zeroed at first. */
typedef struct RenewSite
{
	uint64 epoch;
	int32 class_id;
	DataClass *data_class; /* NULL: no class of this database */
	struct DataKey *key;   /* its newest version */
} RenewSite;

/*
 * Whether the version that sealed it is no longer the one that seals; by what
 * envelope_peek gives; or whether it has to get or to lose a search tag. Raises when the class's
 * key has no active version.
 */
extern bool RenewIsDue(RenewSite *site, const EnvelopeHeader *header);

/*
 * The same plaintext under the newest version, palloc'd: class and kind stay,
 * and of the search tags those that the class would give. NULL for what cannot be opened: damaged,
 * of a suspended or destroyed version, or of no class.
 */
extern struct varlena *RenewEnvelope(RenewSite *site, Bytes bytes);

#endif
