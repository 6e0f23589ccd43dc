/*
 * search.h
 *		Search tags: by which equal values of a searchable class are found to
 *		be equal without being opened, and who may ask.
 *
 * docs/formats.md describes how a tag is made. Its key is pinned when a class
 * becomes searchable (tarot.search_key): neither a rotation nor another key for
 * the class changes it, or values would silently no longer meet.
 */
#ifndef TAROT_CLASS_SEARCH_H
#define TAROT_CLASS_SEARCH_H

#include "base/compat.h"
#include "class/class.h"
#include "crypto/envelope.h"

/*
 * The generation of the search key in the first byte, then what the class keeps
 * of the HMAC, zeros behind it. A tag by another generation is not comparable:
 * it must be made anew from the value.
 */
typedef struct SearchTag
{
	uint8_t bytes[ENVELOPE_SEARCH_TAG_SIZE];
} SearchTag;

/* Set in the first byte where bits were left off: then equal tags prove nothing. */
#define SEARCH_TAG_TRUNCATED 0x80
#define SEARCH_GENERATION_MAX 0x7F
#define SEARCH_BITS_MAX (8 * (ENVELOPE_SEARCH_TAG_SIZE - 1))

/* All bits. Raises for a class that never was searchable. The plaintext is as in plaintext.h. */
extern SearchTag SearchTagOfPlaintext(DataClass *data_class, EnvelopeKind kind, Bytes plaintext);

/* The same of a value, which is opened; for comparisons only. */
extern SearchTag SearchTagOfEnvelope(DataClass *data_class, const Envelope *envelope);

/* What is stored of it. */
extern SearchTag SearchTagTruncate(const DataClass *data_class, SearchTag tag);

/* Whether a stored tag is the one that the class would give the value now. */
static inline bool
SearchTagIsCurrent(const DataClass *data_class, const uint8_t *tag)
{
	return (tag[0] & ~SEARCH_TAG_TRUNCATED) == data_class->search.generation;
}

/* Raises unless the class is searchable, and the role may search it. */
extern void SearchRequire(int32 class_id, Oid role);

/* The same as an answer, false for any reason. */
extern bool SearchIsAllowed(int32 class_id, Oid role);

/* Raises: nothing by which the values could be compared. */
pg_noreturn extern void SearchRefuseClass(const DataClass *data_class);

extern void SearchInit(void);

#endif
