/*
 * anonymize.c
 *		Static masking: tables whose values are replaced by the masks of their
 *		classes, or copied so.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/backend_progress.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"
#include "utils/varlena.h"

#include "anonymize/job.h"
#include "anonymize/required.h"
#include "base/settings.h"
#include "class/class.h"

/* ---------------------------------------------------------------- arguments */

/* Of an array of OIDs or of names; NULL is none. */
static List *
list_argument(FunctionCallInfo fcinfo, int number, Oid type)
{
	List *list = NIL;
	Datum *values;
	bool *nulls;
	int count;

	if (PG_ARGISNULL(number))
		return NIL;
	if (type == NAMEOID)
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), NAMEOID, NAMEDATALEN, false, 'c', &values,
						  &nulls, &count);
	else
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), type, sizeof(Oid), true, 'i', &values,
						  &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("tables and columns must not be null")));
		if (type == NAMEOID)
			list = lappend(list, pstrdup(NameStr(*DatumGetName(values[i]))));
		else
			list = lappend_oid(list, DatumGetObjectId(values[i]));
	}
	return list;
}

/* Of an array of texts, each of which names columns as SQL does: 'city, "Post Code"'. */
static List *
groups_argument(FunctionCallInfo fcinfo, int number)
{
	List *groups = NIL;
	Datum *values;
	bool *nulls;
	int count;

	if (PG_ARGISNULL(number))
		return NIL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), TEXTOID, -1, false, 'i', &values, &nulls,
					  &count);
	for (int i = 0; i < count; i++)
	{
		List *names;

		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("tables and columns must not be null")));
		if (!SplitIdentifierString(TextDatumGetCString(values[i]), ',', &names) || names == NIL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("columns that are shuffled together are not named as a list"),
							errhint("As in shuffle_together => ARRAY['city, \"Post Code\"'].")));
		groups = lappend(groups, names);
	}
	return groups;
}

/* The arguments that all functions have, from one on: keep, shuffle, shuffle_together,
 * shuffle_within, clear, allow. */
#define CHOICES 6

static void
read_choices(FunctionCallInfo fcinfo, int first, Job *job)
{
	job->keep = list_argument(fcinfo, first, NAMEOID);
	job->shuffle = list_argument(fcinfo, first + 1, NAMEOID);
	job->together = groups_argument(fcinfo, first + 2);
	job->within = list_argument(fcinfo, first + 3, NAMEOID);
	job->clear = list_argument(fcinfo, first + 4, NAMEOID);
	job->allow = list_argument(fcinfo, first + 5, NAMEOID);
}

/* The last two: verify, dry_run. */
static void
read_switches(FunctionCallInfo fcinfo, int first, Job *job)
{
	job->verify = PG_ARGISNULL(first) || PG_GETARG_BOOL(first);
	job->write = PG_ARGISNULL(first + 1) || !PG_GETARG_BOOL(first + 1);
}

/* ---------------------------------------------------------------- problems */

static void
raise_problems(const Job *job)
{
	StringInfoData errors;
	const char *first = get_rel_name(linitial_oid(job->roots));
	ListCell *cell;

	initStringInfo(&errors);
	foreach (cell, job->problems)
	{
		const JobProblem *problem = lfirst(cell);

		if (problem->error)
			appendStringInfo(&errors, "%s%s: %s.", errors.len > 0 ? "\n" : "", problem->object,
							 problem->problem);
	}
	if (errors.len > 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("table \"%s\" cannot be anonymized", first),
						errdetail_internal("%s", errors.data),
						errhint("tarot.check_anonymization() tells these one by one, and what "
								"helps. Nothing was changed.")));
}

static void
warn_of_problems(const Job *job)
{
	ListCell *cell;

	foreach (cell, job->problems)
	{
		const JobProblem *problem = lfirst(cell);

		if (!problem->error)
			ereport(WARNING, (errmsg("%s: %s", problem->object, problem->problem),
							  problem->hint != NULL ? errhint("%s", problem->hint) : 0));
	}
}

/* ---------------------------------------------------------------- results */

static const char *
treatment_name(const ColumnTotals *totals)
{
	switch (totals->treatment)
	{
		case TREAT_MASK:
			return "masked";
		case TREAT_SHUFFLE:
			return "shuffled";
		case TREAT_KEEP:
			return "kept";
		case TREAT_CLEAR:
			return "cleared";
		case TREAT_COMPUTE:
			return "computed";
		case TREAT_LEAVE:
			break;
	}
	return "left";
}

static void
put_totals(FunctionCallInfo fcinfo, const Job *job)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell *cell;

	foreach (cell, job->totals)
	{
		const ColumnTotals *totals = lfirst(cell);
		const DataClass *data_class =
			totals->class_id != CLASS_NONE ? ClassFind(totals->class_id) : NULL;
		bool changed = totals->treatment == TREAT_MASK || totals->treatment == TREAT_SHUFFLE ||
					   totals->treatment == TREAT_CLEAR;
		Datum values[7] = {
			ObjectIdGetDatum(OidIsValid(job->copy_oid) ? job->copy_oid : totals->table),
			NameGetDatum(&totals->name)};
		bool nulls[7] = {false};

		nulls[2] = data_class == NULL || !data_class->exists;
		if (!nulls[2])
			values[2] = CStringGetTextDatum(data_class->name);
		values[3] = CStringGetTextDatum(treatment_name(totals));
		nulls[4] = nulls[5] = !changed;
		values[4] = Int64GetDatum(totals->values);
		values[5] = Int64GetDatum(totals->unchanged);
		nulls[6] = job->survivors == NULL;
		values[6] = Int64GetDatum(totals->found);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

static void
put_problems(FunctionCallInfo fcinfo, const Job *job)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell *cell;

	foreach (cell, job->problems)
	{
		const JobProblem *problem = lfirst(cell);
		Datum values[4] = {CStringGetTextDatum(problem->object),
						   CStringGetTextDatum(problem->problem),
						   CStringGetTextDatum(problem->error ? "error" : "warning")};
		bool nulls[4] = {false};

		nulls[3] = problem->hint == NULL;
		if (!nulls[3])
			values[3] = CStringGetTextDatum(problem->hint);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* ---------------------------------------------------------------- the copy */

/*
 * Like the table, with its indexes and constraints but foreign keys; the caller's
 * own, and for nobody else. The name has a schema, so that no other table is meant.
 */
static Oid
create_copy(const Job *job)
{
	RangeVar *name = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(job->copy)));
	Oid source = linitial_oid(job->roots);
	StringInfoData statement;

	if (name->schemaname == NULL || name->catalogname != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the copy needs a name with its schema"),
						errhint("As in copy_to => 'staging.customer'.")));
	initStringInfo(&statement);
	appendStringInfo(&statement, "CREATE TABLE %s (LIKE %s INCLUDING ALL)",
					 quote_qualified_identifier(name->schemaname, name->relname),
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(source)),
												get_rel_name(source)));
	SPI_connect();
	if (SPI_execute(statement.data, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "the copy could not be created");
	SPI_finish();
	return RangeVarGetRelid(name, AccessExclusiveLock, false);
}

/* What is still a value is still of its class; of an encrypted type it is so by itself. */
static void
classify_copy(const Job *job)
{
	Oid types[] = {OIDOID, NAMEOID, TEXTOID};
	ListCell *cell;

	SPI_connect();
	foreach (cell, job->totals)
	{
		ColumnTotals *totals = lfirst(cell);
		const DataClass *data_class = ClassFind(totals->class_id);
		Datum values[] = {ObjectIdGetDatum(job->copy_oid), NameGetDatum(&totals->name), 0};

		if ((totals->treatment != TREAT_KEEP && totals->treatment != TREAT_SHUFFLE) ||
			totals->sealed || !data_class->exists)
			continue;
		values[2] = CStringGetTextDatum(data_class->name);
		if (SPI_execute_with_args("SELECT tarot.classify_column($1, $2, $3)", lengthof(types),
								  types, values, NULL, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "the copy could not be classified");
	}
	SPI_finish();
}

/* As a dump of the table with masks would have to be: it is to be given away as well. */
static void
require_anonymous_copy(const Job *job)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
	(void) RequiredCheck(linitial_oid(job->roots), job->copy_oid);
	PopActiveSnapshot();
}

/* ---------------------------------------------------------------- the functions */

/* All that can be said beforehand is said before a row is read. */
static void
run_job(Job *job)
{
	JobPlan(job);
	JobCheckCatalogs(job);
	if (job->write)
	{
		raise_problems(job);
		if (job->copy != NULL)
		{
			job->copy_oid = create_copy(job);
			classify_copy(job);
		}
	}
	JobRun(job);
}

static void
require_tables(const Job *job)
{
	if (job->roots == NIL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("no table is named that is to be anonymized")));
}

/*
 * tarot.check_anonymization("table" regclass, keep name[], shuffle name[],
 *     shuffle_together text[], shuffle_within name[], clear name[], allow name[],
 *     together_with regclass[])
 *     RETURNS TABLE (object text, problem text, severity text, hint text)
 */
PG_FUNCTION_INFO_V1(tarot_anonymize_check_anonymization);
Datum
tarot_anonymize_check_anonymization(PG_FUNCTION_ARGS)
{
	Job job = {.verify = true};
	int nest_level;

	InitMaterializedSRF(fcinfo, 0);
	job.roots = list_argument(fcinfo, 1 + CHOICES, REGCLASSOID);
	if (!PG_ARGISNULL(0))
		job.roots = lcons_oid(PG_GETARG_OID(0), job.roots);
	read_choices(fcinfo, 1, &job);
	require_tables(&job);
	nest_level = SettingsPinSearchPath();
	run_job(&job);
	JobClose(&job);
	pgstat_progress_end_command();
	put_problems(fcinfo, &job);
	AtEOXact_GUC(true, nest_level);
	return (Datum) 0;
}

static void
require_confirmation(const Job *job, bool in_place)
{
	if (in_place && job->copy != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("tables are anonymized in place or copied, not both")));
	if (!in_place && job->copy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("it is not said where the masked rows are to be"),
				 errdetail("In place, the values of the table are replaced, and lost."),
				 errhint("Say in_place => true; or, for one table, copy_to => 'schema.name', "
						 "which leaves it as it is.")));
}

static Datum
anonymize(FunctionCallInfo fcinfo, Job *job, bool in_place)
{
	int nest_level;

	InitMaterializedSRF(fcinfo, 0);
	require_tables(job);
	if (job->write)
	{
		PreventCommandIfReadOnly("tarot.anonymize_table()");
		PreventCommandDuringRecovery("tarot.anonymize_table()");
		require_confirmation(job, in_place);
	}
	nest_level = SettingsPinSearchPath();
	run_job(job);
	raise_problems(job);
	if (job->write)
	{
		JobSwap(job);
		if (job->copy == NULL)
			JobVerifyForeignKeys(job);
		else
			require_anonymous_copy(job);
	}
	else
		JobClose(job);
	pgstat_progress_end_command();
	warn_of_problems(job);
	put_totals(fcinfo, job);
	AtEOXact_GUC(true, nest_level);
	return (Datum) 0;
}

/*
 * tarot.anonymize_table("table" regclass, in_place boolean, copy_to text, keep name[],
 *     shuffle name[], shuffle_together text[], shuffle_within name[], clear name[],
 *     allow name[], verify boolean, dry_run boolean)
 *     RETURNS TABLE ("table" regclass, "column" name, class text, treatment text,
 *                    "values" bigint, unchanged bigint, found bigint)
 */
PG_FUNCTION_INFO_V1(tarot_anonymize_anonymize_table);
Datum
tarot_anonymize_anonymize_table(PG_FUNCTION_ARGS)
{
	Job job = {
		.roots = PG_ARGISNULL(0) ? NIL : list_make1_oid(PG_GETARG_OID(0)),
		.copy = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)),
	};

	read_choices(fcinfo, 3, &job);
	read_switches(fcinfo, 3 + CHOICES, &job);
	return anonymize(fcinfo, &job, !PG_ARGISNULL(1) && PG_GETARG_BOOL(1));
}

/*
 * tarot.anonymize_tables(tables regclass[], in_place boolean, keep name[], shuffle name[],
 *     shuffle_together text[], shuffle_within name[], clear name[], allow name[],
 *     verify boolean, dry_run boolean)
 *     RETURNS TABLE ("table" regclass, "column" name, class text, treatment text,
 *                    "values" bigint, unchanged bigint, found bigint)
 */
PG_FUNCTION_INFO_V1(tarot_anonymize_anonymize_tables);
Datum
tarot_anonymize_anonymize_tables(PG_FUNCTION_ARGS)
{
	Job job = {.roots = list_argument(fcinfo, 0, REGCLASSOID)};

	read_choices(fcinfo, 2, &job);
	read_switches(fcinfo, 2 + CHOICES, &job);
	return anonymize(fcinfo, &job, !PG_ARGISNULL(1) && PG_GETARG_BOOL(1));
}
