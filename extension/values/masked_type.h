/*
 * masked_type.h
 *		What datum.c and datum_types.c share; nobody else includes it.
 */
#ifndef TAROT_VALUES_MASKED_TYPE_H
#define TAROT_VALUES_MASKED_TYPE_H

#include "fmgr.h"
#include "nodes/execnodes.h"
#include "utils/typcache.h"

#include "class/class.h"
#include "values/datum.h"

typedef bool (*ValueMask)(MaskedType *type, Datum value, Datum *masked);

struct MaskedType
{
	int32 class_id;
	uint64 epoch;          /* of data_class */
	DataClass *data_class; /* NULL where the mask is NULL for all values */
	ValueMask by_type;     /* NULL for types that have none */
	ValueMask mask;        /* this, or another for the class's mask */
	int32 typmod;          /* of the base type */
	MemoryContext context; /* that holds this */
	Datum shown;           /* where all values have the same; else 0 */

	/* Of a mask that is a function. */
	Oid base;
	Oid collation;
	FmgrInfo function;

	/* Of the elements, where these are masked one by one. */
	MaskedType *element;
	Oid element_type;
	int16 typlen;
	bool typbyval;
	char typalign;

	/* Where a domain must accept the mask, too. */
	DomainConstraintRef *domain;
	ExprContext *econtext;
};

/* The mask of a base type; NULL where it has none. */
extern ValueMask MaskOfType(Oid type);

/* Text, varchar, and what shares their form. */
extern bool MaskTextValue(MaskedType *type, Datum value, Datum *masked);

/* That, or what is faster and does the same under the class's mask. */
extern ValueMask MaskOfTexts(const DataClass *data_class);

/* Of an empty text: what all have under a mask that does not look at them. */
extern Datum MaskOfAnyText(MaskedType *type);

/* Rounds to the scale of the type's modifier; false where it has no room. */
extern bool MaskFitNumeric(MaskedType *type, Datum *numeric);

#endif
