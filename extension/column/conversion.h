/*
 * conversion.h
 *		Conversions of columns beside their writers that are under way: what
 *		others than tarot.encrypt_column() know of them.
 */
#ifndef TAROT_COLUMN_CONVERSION_H
#define TAROT_COLUMN_CONVERSION_H

#include "utils/rel.h"

/* Of a row of tarot.conversion. */
typedef struct ColumnConversion
{
	NameData shadow; /* the column that will take the place of the other */
	Oid role;        /* who converts */
} ColumnConversion;

/* The conversion of a column, asked for in the relation, or in one that it is a partition of. */
extern bool ColumnConversionFind(Relation relation, const char *column, ColumnConversion *found);

#endif
