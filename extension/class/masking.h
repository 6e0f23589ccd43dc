/*
 * masking.h
 *		Masks of values by what they are; envelopes (masking.c) and columns of
 *		any type (datum.c) share them, so that a class has one mask for both.
 */
#ifndef TAROT_CLASS_MASKING_H
#define TAROT_CLASS_MASKING_H

#include "datatype/timestamp.h"
#include "utils/date.h"

#include "class/class.h"

/* Of a text in UTF-8, in UTF-8; returns the size. */
extern size_t ClassMaskText(DataClass *data_class, Bytes text, char out[MASK_BOUND_MAX]);

/* The bytes of a keyed hash that a masked reader sees. */
#define MASK_HASH_BYTES 16
extern void ClassMaskHash(DataClass *data_class, Bytes value, uint8_t out[MASK_HASH_BYTES]);

/* Of a jsonb. */
extern Datum ClassMaskDocument(DataClass *data_class, Datum document);

/* Each false for NULL. A number is given in its plaintext form, the mask is a numeric. */
extern bool ClassMaskNumeric(DataClass *data_class, Bytes plaintext, Datum *masked);
extern bool ClassMaskFloat(DataClass *data_class, double value, double *masked);
extern bool ClassMaskDate(DataClass *data_class, DateADT date, DateADT *masked);
extern bool ClassMaskTimestamp(DataClass *data_class, Timestamp time, Timestamp *masked);

/* Whether the mask is for values of this kind; for others it shows what redact does. */
extern bool ClassMaskFits(const DataClass *data_class, EnvelopeKind kind);

#endif
