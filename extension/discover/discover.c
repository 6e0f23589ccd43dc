/*
 * discover.c
 *		What the columns of a table seem to be, and of which class they are.
 */
#include "postgres.h"

#include <math.h>

#include "access/stratnum.h"
#include "access/table.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "base/catalog.h"
#include "class/class.h"
#include "column/column.h"
#include "discover/survey.h"
#include "label/label.h"

/* Of a column, or of what lies at one path of its documents */
typedef struct Finding
{
	Verdict verdict;
	const ColumnCounts *counts;
	const SurveyPath *path;
	int more_paths; /* where something was found, too */
} Finding;

/* What of a document is proposed as a whole. */
#define DOCUMENT_CLASS "document"
#define DOCUMENT_MASK "json"

static Finding
find_in_documents(const SurveyedColumn *column, float least)
{
	Finding best = {.verdict.kind = SENSITIVE_NONE, .counts = &column->survey.counts};
	int found = 0;

	for (int i = 0; i < column->survey.npaths; i++)
	{
		const SurveyPath *path = &column->survey.paths[i];
		Verdict verdict;

		if (path->counts.values == 0)
			continue;
		verdict = reach_verdict(&path->counts, path->text || i == 0 ? COLUMN_TEXT : COLUMN_NUMBER,
								column->name, i > 0 ? path->key : "");
		if (verdict.kind == SENSITIVE_NONE || verdict.confidence < least)
			continue;
		found++;
		if (verdict.confidence > best.verdict.confidence)
			best = (Finding){.verdict = verdict, .counts = &path->counts, .path = path};
	}
	best.more_paths = Max(found - 1, 0);
	return best;
}

static Finding
find_in_column(const SurveyedTable *table, const SurveyedColumn *column, float least)
{
	if (column->reader.json && column->read)
		return find_in_documents(column, least);
	return (Finding){.verdict = reach_verdict(&column->survey.counts, column->reader.type,
											  table->name, column->name),
					 .counts = &column->survey.counts};
}

/* ---------------------------------------------------------------- evidence */

/*
 * A path is told by its keys, and those of a map are data: it must be in many
 * documents to be the name of something.
 */
static bool
is_common(const SurveyPath *path, uint32 documents)
{
	return path->documents >= 2 && path->documents >= documents / 20;
}

static char *
evidence_of(const SurveyedTable *table, const SurveyedColumn *column, const Finding *finding)
{
	StringInfoData evidence;
	char words[EVIDENCE_MAX];

	initStringInfo(&evidence);
	verdict_evidence(finding->counts, &finding->verdict, words);
	appendStringInfoString(&evidence, words);
	if (finding->path != NULL)
	{
		if (finding->path != column->survey.paths &&
			is_common(finding->path, column->survey.documents))
			appendStringInfo(&evidence, " at %s", finding->path->path);
		if (finding->more_paths > 0)
			appendStringInfo(&evidence, "; more at %d other path%s", finding->more_paths,
							 finding->more_paths > 1 ? "s" : "");
	}
	if (column->denied)
		appendStringInfoString(&evidence, "; not read, for want of a privilege or grant");
	else if (table->partial && column->read)
		appendStringInfoString(&evidence, "; among the rows that policies show");
	return evidence.data;
}

/* ---------------------------------------------------------------- classes */

/* For one form of text: any other is hidden altogether, or shows what it should not. */
static bool
is_for_one_form(MaskKind mask)
{
	switch (mask)
	{
		case MASK_EMAIL:
		case MASK_CARD:
		case MASK_PHONE:
		case MASK_IBAN:
		case MASK_NAME:
		case MASK_ADDRESS:
		case MASK_IP:
			return true;
		default:
			return false;
	}
}

/* Whether what the class's mask expects is something else than what the values are. */
static bool
is_unlike(const DataClass *data_class, const Finding *finding)
{
	MaskSpec proposed;
	const char *problem;

	if (!data_class->exists || finding->verdict.by_values < 0.7F ||
		finding->verdict.kind == SENSITIVE_FREE_TEXT || !is_for_one_form(data_class->mask.kind))
		return false;
	return mask_parse(sensitive_kind(finding->verdict.kind)->mask, &proposed, &problem) &&
		   proposed.kind != data_class->mask.kind;
}

/* ---------------------------------------------------------------- accepted columns */

/* Of tarot.accepted_column */
#define ACCEPTED_RELATION 1
#define ACCEPTED_COLUMN 2
#define ACCEPTED_TYPE 3

/* Somebody looked at them, as they were then: with this name and type. */
static void
mark_accepted(SurveyedTable *surveyed)
{
	Relation table = CatalogOpen("accepted_column", AccessShareLock);
	TupleDesc desc = RelationGetDescr(table);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool isnull;

	ScanKeyInit(&key, ACCEPTED_RELATION, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(surveyed->relation));
	scan = CatalogScan(table, "accepted_column_pkey", 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Name name = DatumGetName(heap_getattr(tuple, ACCEPTED_COLUMN, desc, &isnull));
		Oid type = DatumGetObjectId(heap_getattr(tuple, ACCEPTED_TYPE, desc, &isnull));

		for (int i = 0; i < surveyed->ncolumns; i++)
		{
			SurveyedColumn *column = &surveyed->columns[i];

			if (strcmp(column->name, NameStr(*name)) == 0 && column->declared == type)
				column->accepted = true;
		}
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

/* ---------------------------------------------------------------- SQL */

enum
{
	RESULT_NUMBER,
	RESULT_STATE,
	RESULT_CLASS,
	RESULT_KIND,
	RESULT_PROPOSED,
	RESULT_MASK,
	RESULT_EXISTS,
	RESULT_CONFIDENCE,
	RESULT_SAMPLED,
	RESULT_MATCHED,
	RESULT_EVIDENCE,
	RESULT_COLUMNS
};

static void
put_text(Datum *values, bool *nulls, int at, const char *text)
{
	values[at] = CStringGetTextDatum(text);
	nulls[at] = false;
}

/* The class that is proposed: as it is, where there is one of that name. */
static void
put_proposal(const SurveyedColumn *column, SensitiveKind kind, Datum *values, bool *nulls)
{
	const char *name = column->reader.json ? DOCUMENT_CLASS : sensitive_kind(kind)->class_name;
	const char *mask = column->reader.json ? DOCUMENT_MASK : sensitive_kind(kind)->mask;
	DataClass *data_class = ClassFind(ClassIdOfName(bytes_of_string(name)));
	char spelled[MASK_SPEC_MAX];

	values[RESULT_EXISTS] = BoolGetDatum(data_class->exists);
	nulls[RESULT_EXISTS] = false;
	if (data_class->exists)
	{
		mask_format(&data_class->mask, spelled);
		mask = spelled;
	}
	put_text(values, nulls, RESULT_PROPOSED, name);
	put_text(values, nulls, RESULT_MASK, mask);
}

static void
put_column(ReturnSetInfo *result, const SurveyedTable *table, const SurveyedColumn *column,
		   int32 class_id, float least)
{
	Finding finding = find_in_column(table, column, least);
	const char *state = column->accepted ? "accepted" : "none";
	Datum values[RESULT_COLUMNS] = {0};
	bool nulls[RESULT_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	values[RESULT_NUMBER] = Int16GetDatum(column->number);
	nulls[RESULT_NUMBER] = false;
	if (CLASS_IS_NAMED(class_id))
	{
		DataClass *data_class = ClassFind(class_id);

		state = !data_class->exists               ? "unknown"
				: is_unlike(data_class, &finding) ? "unlike"
												  : "classified";
		if (data_class->exists)
			put_text(values, nulls, RESULT_CLASS, data_class->name);
	}
	put_text(values, nulls, RESULT_STATE, state);
	values[RESULT_SAMPLED] = Int32GetDatum((int32) (finding.path == NULL && column->reader.json
														? column->survey.documents
														: finding.counts->values));
	nulls[RESULT_SAMPLED] = false;
	if (finding.verdict.kind != SENSITIVE_NONE && finding.verdict.confidence >= least)
	{
		put_text(values, nulls, RESULT_KIND, sensitive_kind(finding.verdict.kind)->name);
		put_proposal(column, finding.verdict.kind, values, nulls);
		put_text(values, nulls, RESULT_EVIDENCE, evidence_of(table, column, &finding));
		values[RESULT_CONFIDENCE] = Float4GetDatum(roundf(finding.verdict.confidence * 100) / 100);
		nulls[RESULT_CONFIDENCE] = false;
		values[RESULT_MATCHED] = Int32GetDatum((int32) finding.verdict.matched);
		nulls[RESULT_MATCHED] = false;
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * tarot.survey_columns(relation oid, sample integer, minimum real, OUT number smallint, OUT state
 * text, OUT class text, OUT kind text, OUT proposed text, OUT mask text, OUT proposed_exists
 * boolean, OUT confidence real, OUT sampled integer, OUT matched integer, OUT evidence text)
 * RETURNS SETOF record
 *
 * All columns but those of an encrypted type.
 */
PG_FUNCTION_INFO_V1(tarot_discover_survey_columns);
Datum
tarot_discover_survey_columns(PG_FUNCTION_ARGS)
{
	Oid relation = PG_GETARG_OID(0);
	int32 sample = PG_GETARG_INT32(1);
	float least = PG_GETARG_FLOAT4(2);
	SurveyedTable *table;
	const LabelledTable *labels;

	if (sample < 0 || sample > 100000)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("sample must be between 0 and 100000 rows")));
	if (!(least >= 0 && least <= 1))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("minimum must be between 0 and 1")));
	InitMaterializedSRF(fcinfo, 0);
	table = SurveyTable(relation, sample);
	mark_accepted(table);
	labels = table->labels;
	for (int i = 0; i < table->ncolumns; i++)
	{
		const SurveyedColumn *column = &table->columns[i];
		int32 class_id = labels != NULL && column->number <= labels->natts
							 ? labels->classes[column->number - 1]
							 : CLASS_NONE;

		if (!ColumnIsEncrypted(column->type))
			put_column((ReturnSetInfo *) fcinfo->resultinfo, table, column, class_id, least);
	}
	return (Datum) 0;
}
