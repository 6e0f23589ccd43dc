/*
 * masking_values.h
 *		Masks of numbers, dates and points of time, for masking.c: false where
 *		one does not fit, or would show the value.
 */
#ifndef TAROT_CLASS_MASKING_VALUES_H
#define TAROT_CLASS_MASKING_VALUES_H

#include "utils/date.h"
#include "utils/timestamp.h"

#include "class/class.h"

extern bool ClassMaskDate(DataClass *data_class, Bytes plaintext, DateADT *masked);
extern bool ClassMaskTimestamp(DataClass *data_class, Bytes plaintext, TimestampTz *masked);
extern bool ClassMaskNumeric(DataClass *data_class, Bytes plaintext, Datum *masked);

#endif
