/*
 * values.h
 *		Values of SQL types as the recognizers see them.
 */
#ifndef TAROT_DISCOVER_VALUES_H
#define TAROT_DISCOVER_VALUES_H

#include "fmgr.h"

#include "recognize/verdict.h"

/* What of a document is counted apart; of one with more, the rest is counted together. */
#define SURVEY_PATHS_MAX 48
#define SURVEY_PATH_SIZE 96

typedef struct SurveyPath
{
	char path[SURVEY_PATH_SIZE]; /* keys with points between; the first of all is "": the rest */
	const char *key;             /* the last one, within path */
	uint32 documents;            /* in how many it is */
	uint32 last_document;
	bool text; /* has a value that is no number */
	ColumnCounts counts;
} SurveyPath;

typedef struct Survey
{
	ColumnCounts counts;
	uint32 documents;
	int npaths;
	SurveyPath *paths; /* NULL but for JSON */
} Survey;

/* How values of a type are looked at. */
typedef struct ValueReader
{
	ColumnType type;
	Oid base;
	bool json;
	int16 length; /* of an array's elements */
	bool by_value;
	char align;
} ValueReader;

/* False for a type whose values are not looked at: only the column's name counts. */
extern bool ValueReaderOf(Oid type, bool array, ValueReader *reader);

/* Counts a value that is not NULL. Allocates in the current memory context, to be reset. */
extern void ValueSurvey(const ValueReader *reader, bool array, Datum value, Survey *survey);

#endif
