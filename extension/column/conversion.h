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
	NameData column;
	NameData shadow; /* the column that will take the place of the other */
	Oid role;        /* who converts */
} ColumnConversion;

/* The conversion of a column, asked for in the relation, or in one that it is a partition of. */
extern bool ColumnConversionFind(Relation relation, const char *column, ColumnConversion *found);

/*
 * Raises where the column is being converted, or will take the place of one
 * that is: what were made of it would not outlive the swap. The caller has
 * locked the relation, so that no conversion begins.
 */
extern void ColumnRequireSettled(Relation relation, const char *column);

#endif
