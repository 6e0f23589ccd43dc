/*
 * plan.c
 *		Which tables are to be anonymized, who may, and what becomes of each column.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "anonymize/job.h"
#include "base/compat.h"
#include "class/access.h"
#include "class/class.h"
#include "column/column.h"
#include "label/label.h"

void
JobAddProblem(Job *job, bool error, const char *object, const char *problem, const char *hint)
{
	JobProblem *entry = palloc(sizeof(JobProblem));

	*entry = (JobProblem){.object = object, .problem = problem, .hint = hint, .error = error};
	job->problems = lappend(job->problems, entry);
}

const char *
JobCount(int64 count, const char *one, const char *many)
{
	return psprintf(INT64_FORMAT " %s", count, count == 1 ? one : many);
}

static bool
has_name(List *names, const char *name)
{
	ListCell *cell;

	foreach (cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- the tables */

/* The owner's own tables, and nothing of the server's. */
static void
require_owned_table(Oid relation)
{
	char relkind = get_rel_relkind(relation);
	char *name = get_rel_name(relation);

	if (name == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relation)));
	if (!compat_owns_relation(relation, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(relkind), name);
	if (relation < FirstNormalObjectId ||
		(relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table that can be anonymized", name),
				 errdetail("Ordinary and partitioned tables can be, where all partitions and "
						   "children are such.")));
}

static void
lock_trees(Job *job)
{
	LOCKMODE lock_mode = job->write && job->copy == NULL ? AccessExclusiveLock : AccessShareLock;
	ListCell *cell;

	foreach (cell, job->roots)
	{
		ListCell *member;

		require_owned_table(lfirst_oid(cell));
		LockRelationOid(lfirst_oid(cell), lock_mode);
		require_owned_table(lfirst_oid(cell));
		foreach (member, find_all_inheritors(lfirst_oid(cell), lock_mode, NULL))
		{
			require_owned_table(lfirst_oid(member));
			if (list_member_oid(job->relations, lfirst_oid(member)))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("table \"%s\" is named twice, by itself or as a part of another",
								get_rel_name(lfirst_oid(member)))));
			job->relations = lappend_oid(job->relations, lfirst_oid(member));
		}
	}
}

/* ---------------------------------------------------------------- their columns */

static bool
is_shuffled(const Job *job, const char *name)
{
	ListCell *cell;

	foreach (cell, job->together)
	{
		if (has_name(lfirst(cell), name))
			return true;
	}
	return has_name(job->shuffle, name);
}

static Treatment
choose_treatment(const Job *job, Form_pg_attribute attribute, int32 class_id)
{
	const char *name = NameStr(attribute->attname);

	/* Whatever else is said: it follows from others. */
	if (attribute->attgenerated != '\0')
		return attribute->attgenerated == ATTRIBUTE_GENERATED_STORED ? TREAT_COMPUTE : TREAT_LEAVE;
	if (has_name(job->keep, name))
		return TREAT_KEEP;
	if (has_name(job->clear, name))
		return TREAT_CLEAR;
	if (is_shuffled(job, name))
		return TREAT_SHUFFLE;
	return class_id != CLASS_NONE ? TREAT_MASK : TREAT_LEAVE;
}

static ColumnTotals *
get_totals(Job *job, Oid root, Oid table, Form_pg_attribute attribute, int32 class_id)
{
	ColumnTotals *totals;
	ListCell *cell;

	foreach (cell, job->totals)
	{
		totals = lfirst(cell);
		if ((totals->table == root || totals->table == table) &&
			strcmp(NameStr(totals->name), NameStr(attribute->attname)) == 0)
			return totals;
	}
	totals = palloc0(sizeof(ColumnTotals));
	totals->table = table;
	totals->name = attribute->attname;
	totals->number = list_length(job->totals);
	totals->class_id = class_id;
	totals->treatment = choose_treatment(job, attribute, class_id);
	totals->allowed = has_name(job->allow, NameStr(attribute->attname));
	job->totals = lappend(job->totals, totals);
	return totals;
}

/* Who reads a class plainly learns nothing from its masks; all others could try values out. */
static void
require_plain(int32 class_id)
{
	const DataClass *data_class = ClassFind(class_id);

	if (data_class->exists && ClassAccessOf(class_id, GetUserId(), NULL).read != READ_PLAIN)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to read data class \"%s\"", data_class->name),
						errhint("Whoever anonymizes its columns must be granted it: SELECT "
								"tarot.grant_class(%s, %s, 'plain').",
								quote_literal_cstr(data_class->name),
								quote_literal_cstr(GetUserNameFromId(GetUserId(), false)))));
}

/* Of types whose values can be equal in more than one form, and whose masks may have another. */
static FmgrInfo *
equality_of(Oid type)
{
	Oid base = getBaseType(type);
	Oid element = get_element_type(base);

	switch (OidIsValid(element) ? getBaseType(element) : base)
	{
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case JSONBOID:
			return &lookup_type_cache(base, TYPECACHE_EQ_OPR_FINFO)->eq_opr_finfo;
		default:
			return NULL;
	}
}

/* Whether a mask may show parts of values as they are, and with them what is another column's. */
static bool
mask_copies(int32 class_id)
{
	const DataClass *data_class = ClassFind(class_id);

	return data_class->exists &&
		   (data_class->mask.kind == MASK_FUNCTION || data_class->mask.kind == MASK_JSON ||
			data_class->mask.kind == MASK_JSON_HIDE || data_class->mask.kind == MASK_JSON_SHOW);
}

static void
plan_mask(JobColumn *column, Form_pg_attribute attribute, int32 class_id)
{
	if (column->sealed != NULL)
	{
		SealedRequireAccess(column->sealed);
		return;
	}
	column->mask = ClassMaskedType(class_id, attribute->atttypid, attribute->atttypmod);
	column->totals->copies = mask_copies(class_id);
}

static void
plan_column(Job *job, JobTable *table, Form_pg_attribute attribute, int32 class_id)
{
	JobColumn *column = &table->columns[table->ncolumns++];
	Oid type = attribute->atttypid;

	column->sealed = SealedColumnOf(type, attribute->atttypmod);
	if (column->sealed != NULL)
		class_id = SealedClass(column->sealed);
	column->totals =
		get_totals(job, table->root, RelationGetRelid(table->relation), attribute, class_id);
	column->totals->sealed = column->sealed != NULL;
	column->number = attribute->attnum;
	column->target = attribute->attnum;
	column->treatment = column->totals->treatment;
	column->length = attribute->attlen;
	column->by_value = attribute->attbyval;
	column->array = OidIsValid(get_element_type(getBaseType(type)));
	column->not_null = attribute->attnotnull;
	column->equal = equality_of(type);
	column->searched = TermsOf(type);

	/* What stays sealed needs nobody who may read it. */
	if (class_id != CLASS_NONE && (column->sealed == NULL || column->treatment == TREAT_MASK ||
								   column->treatment == TREAT_CLEAR))
		require_plain(class_id);
	if (column->treatment == TREAT_MASK)
		plan_mask(column, attribute, class_id);
	if (class_id != CLASS_NONE &&
		(column->treatment == TREAT_MASK || column->treatment == TREAT_CLEAR))
		column->raw = TermsOf(column->sealed != NULL ? ColumnBaseType(type) : type);
}

static void
plan_table(Job *job, Oid root, Oid relation)
{
	JobTable *table = palloc0(sizeof(JobTable));
	const LabelledTable *labels = LabelFind(relation);
	TupleDesc desc;
	int32 *classes;

	table->root = root;
	table->relation = table_open(relation, NoLock);
	desc = RelationGetDescr(table->relation);
	classes = palloc0(desc->natts * sizeof(int32));
	for (int i = 0; labels != NULL && i < Min(desc->natts, labels->natts); i++)
		classes[i] = labels->classes[i];
	table->columns = palloc0(desc->natts * sizeof(JobColumn));
	for (int i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped)
			plan_column(job, table, TupleDescAttr(desc, i), classes[i]);
	}
	pfree(classes);
	if (job->write && job->copy == NULL)
		CheckTableNotInUse(table->relation, "anonymize");
	if (RELATION_IS_OTHER_TEMP(table->relation))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("\"%s\" is a temporary table of another session",
							   RelationGetRelationName(table->relation))));
	job->tables = lappend(job->tables, table);
}

/* A name that is none of theirs was mistyped, and something would not be done as meant. */
static void
require_columns(const Job *job, List *names)
{
	ListCell *name;

	foreach (name, names)
	{
		bool found = false;
		ListCell *cell;

		foreach (cell, job->totals)
		{
			found =
				found || strcmp(NameStr(((ColumnTotals *) lfirst(cell))->name), lfirst(name)) == 0;
		}
		if (!found)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("no table that is to be anonymized has a column \"%s\"",
								   (char *) lfirst(name))));
	}
}

/* What becomes of a column is said once. */
static List *
require_once(const Job *job, List *names, List *before)
{
	ListCell *name;

	require_columns(job, names);
	foreach (name, names)
	{
		if (has_name(before, lfirst(name)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("it is said twice what is to become of column \"%s\"",
							(char *) lfirst(name)),
					 errhint("Name it once, in keep, in clear, or among those to be shuffled.")));
		before = lappend(before, lfirst(name));
	}
	return before;
}

static void
require_names(const Job *job)
{
	List *named = require_once(job, job->keep, NIL);
	ListCell *cell;

	named = require_once(job, job->shuffle, named);
	named = require_once(job, job->clear, named);
	foreach (cell, job->together)
	{
		named = require_once(job, lfirst(cell), named);
	}
	require_columns(job, job->within);
	require_columns(job, job->allow);
	if (job->within != NIL && job->shuffle == NIL && job->together == NIL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("no column is to be shuffled within others")));
}

static void
require_something_to_do(const Job *job)
{
	ListCell *cell;

	foreach (cell, job->totals)
	{
		ColumnTotals *totals = lfirst(cell);

		if (totals->treatment == TREAT_MASK || totals->treatment == TREAT_SHUFFLE ||
			totals->treatment == TREAT_CLEAR)
			return;
	}
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("no column is to be masked, shuffled or cleared"),
					errhint("Give columns a class with tarot.classify_column(), or name some to be "
							"shuffled or cleared.")));
}

void
JobPlan(Job *job)
{
	ListCell *cell;

	lock_trees(job);
	foreach (cell, job->roots)
	{
		ListCell *member;

		/* The root comes first, so that its columns are told in its order. */
		foreach (member, find_all_inheritors(lfirst_oid(cell), NoLock, NULL))
		{
			plan_table(job, lfirst_oid(cell), lfirst_oid(member));
		}
	}
	require_names(job);
	JobPlanShuffles(job);
	require_something_to_do(job);
}

void
JobClose(Job *job)
{
	ListCell *cell;

	foreach (cell, job->tables)
	{
		table_close(((JobTable *) lfirst(cell))->relation, NoLock);
	}
	if (OidIsValid(job->copy_oid) && job->targets != NIL)
		table_close(((JobTarget *) linitial(job->targets))->relation, NoLock);
}
