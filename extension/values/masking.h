/*
 * masking.h
 *		Masks of values by what they are; envelopes (masking.c) and columns of
 *		any type (datum.c) share them, so that a class has one mask for both.
 */
#ifndef TAROT_VALUES_MASKING_H
#define TAROT_VALUES_MASKING_H

#include "datatype/timestamp.h"
#include "utils/date.h"

#include "class/class.h"

/*
 * What a masked reader sees of a value, from plaintext form to plaintext form
 * (plaintext.h): palloc'd in one piece with `headroom` bytes before it and a
 * zero byte after it. False for NULL.
 */
extern bool ClassMask(DataClass *data_class, EnvelopeKind kind, Bytes plaintext, size_t headroom,
					  Bytes *masked);

/* Whether the mask depends on the value; else an empty one will do. */
extern bool ClassMaskNeedsValue(const DataClass *data_class);

/* Of a text in UTF-8, in UTF-8; returns the size. */
extern size_t ClassMaskText(DataClass *data_class, Bytes text, char out[MASK_BOUND_MAX]);

/* The bytes of a keyed hash that a masked reader sees. */
#define MASK_HASH_BYTES 16
extern void ClassMaskHash(DataClass *data_class, Bytes value, uint8_t out[MASK_HASH_BYTES]);

/*
 * Of a document in UTF-8, as the server writes jsonb, and palloc'd with a zero
 * byte after it. Whatever is no mask for documents makes it a string.
 */
extern Bytes ClassMaskDocument(DataClass *data_class, Bytes document, size_t headroom);

/* Each false for NULL. Of other numbers: number.h. */
extern bool ClassMaskFloat(DataClass *data_class, double value, double *masked);
extern bool ClassMaskDate(DataClass *data_class, DateADT date, DateADT *masked);
extern bool ClassMaskTimestamp(DataClass *data_class, Timestamp time, Timestamp *masked);

/* Whether that looks at the document; else an empty one will do. */
extern bool ClassMaskReadsDocuments(const DataClass *data_class);

/* Whether the mask is for values of this kind; for others it shows what redact does. */
extern bool ClassMaskFits(const DataClass *data_class, EnvelopeKind kind);

#endif
