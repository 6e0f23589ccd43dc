/*
 * survey.h
 *		A sample of a table's rows, column by column.
 */
#ifndef TAROT_DISCOVER_SURVEY_H
#define TAROT_DISCOVER_SURVEY_H

#include "utils/rel.h"

#include "discover/values.h"
#include "label/label.h"

typedef struct SurveyedColumn
{
	AttrNumber number;
	const char *name;
	Oid declared;
	Oid type; /* that of the values: domains, and arrays of them, are looked through */
	bool array;
	bool read;     /* false where the role has no right to, or no kind can be in the type */
	bool denied;   /* to this role, or by a mask */
	bool accepted; /* left as false */
	ValueReader reader;
	Survey survey;
} SurveyedColumn;

typedef struct SurveyedTable
{
	Oid relation;
	const char *name;
	LabelledTable *labels; /* NULL: none */
	int ncolumns;
	SurveyedColumn *columns;
	uint32 rows;  /* that were read */
	bool partial; /* row policies may hide some from the role */
} SurveyedTable;

/*
 * Reads at most `sample` rows (0: none, and no query is made) as the current role, whose privileges
 * and row policies count as in any query; functions of policies run with no way to another role. In
 * the current memory context.
 */
extern SurveyedTable *SurveyTable(Oid relation, int sample);

#endif
