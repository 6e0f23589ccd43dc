/*
 * search.h
 *		Search tags: by which equal values of a searchable class are found to
 *		be equal without being opened, and who may ask.
 *
 * docs/formats.md describes how a tag is made. Its key is pinned when a class
 * becomes searchable (tarot.search_key): neither a rotation nor another key for
 * the class changes it, or values would silently no longer meet. While it is
 * changed on purpose (reseal/search_key.c), values carry two tags, and one of
 * the keys is the active one, for everybody at once: comparisons go by its
 * tags alone.
 */
#ifndef TAROT_GATE_SEARCH_H
#define TAROT_GATE_SEARCH_H

#include "base/compat.h"
#include "class/access.h"
#include "class/class.h"
#include "crypto/envelope.h"
#include "keys/ring.h"

/*
 * The generation of the search key in the first byte, then the HMAC. A tag by
 * another generation is not comparable: it must be made anew from the value.
 *
 * Where the class shows fewer bits, the others are stored hidden: XORed with a
 * pad from the search key and the value's nonce. To whoever lacks that key they
 * are noise; with it, values are compared without being opened, and so for as
 * long as it exists. Indexes rely on that: they hold values, dead ones and
 * bounds of their pages, that no version of a data key is kept for.
 */
typedef struct SearchTag
{
	uint8_t bytes[ENVELOPE_SEARCH_TAG_SIZE];
} SearchTag;

/* Set in the first byte where bits are hidden: as they stand, tags prove nothing. */
#define SEARCH_TAG_HIDDEN 0x80
#define SEARCH_BITS_MAX (8 * (ENVELOPE_SEARCH_TAG_SIZE - 1))

/*
 * By the active search key, all bits. Raises for a class that never was
 * searchable. The plaintext is as in plaintext.h.
 */
extern SearchTag SearchTagOfPlaintext(DataClass *data_class, EnvelopeKind kind, Bytes plaintext);

/* The same of a value, which is opened; for comparisons only. */
extern SearchTag SearchTagOfEnvelope(DataClass *data_class, const Envelope *envelope);

/* What everybody may see of it, zeros behind that. */
extern SearchTag SearchTagTruncate(const SearchSpec *search, SearchTag tag);

/* All bits of a tag with hidden ones, by the active search key, that a value of this nonce carries.
 */
extern SearchTag
SearchTagReveal(DataClass *data_class, SearchTag tag, const uint8_t nonce[XAES_NONCE_SIZE]);

static inline bool
SearchTagIsHidden(const uint8_t *tag)
{
	return (tag[0] & SEARCH_TAG_HIDDEN) != 0;
}

static inline bool
SearchTagIsOf(const uint8_t *tag, int generation)
{
	return tag != NULL && (tag[0] & ~SEARCH_TAG_HIDDEN) == generation;
}

/* Of the tags that a value carries, that of a generation; or NULL. */
static inline const uint8_t *
SearchTagOfHeader(const EnvelopeHeader *header, int generation)
{
	if (likely(SearchTagIsOf(header->search_tag, generation)))
		return header->search_tag;
	return SearchTagIsOf(header->second_tag, generation) ? header->second_tag : NULL;
}

/* Room for the tags that a header points to, and for the nonce that hides bits of them. */
typedef struct SearchTags
{
	SearchTag active;
	SearchTag next;
	uint8_t nonce[XAES_NONCE_SIZE];
} SearchTags;

/*
 * Gives a header the tags that values of the class are stored with, to be
 * sealed by that key at once. What it has of them already is kept, and its key
 * not needed, unless bits are hidden; what else it has goes.
 */
extern void SearchTagsComplete(DataClass *data_class, DataKey *key, EnvelopeHeader *header,
							   Bytes plaintext, SearchTags *tags);

/* Whether they are of use with this nonce alone: sealed anew, the value needs others. */
static inline bool
SearchTagsDependOnNonce(const EnvelopeHeader *header)
{
	return (header->search_tag != NULL && SearchTagIsHidden(header->search_tag)) ||
		   (header->second_tag != NULL && SearchTagIsHidden(header->second_tag));
}

/* Whether they are what a stored value has. */
extern bool SearchTagsAreComplete(const DataClass *data_class, const EnvelopeHeader *header);

/* Raises unless the class is searchable, and the role may search it. `stamp` can be NULL. */
extern void SearchRequire(int32 class_id, Oid role, AccessStamp *stamp);

/* The same as an answer, false for any reason. */
extern bool SearchIsAllowed(int32 class_id, Oid role);

extern void SearchInit(void);

#endif
