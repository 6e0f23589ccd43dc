/*
 * plan.c
 *		Which tables are to be anonymized, who may, and what becomes of each column.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "optimizer/optimizer.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "anonymize/job.h"
#include "base/compat.h"
#include "class/access.h"
#include "class/class.h"
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
		if (strcmp(NameStr(*(Name) lfirst(cell)), name) == 0)
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

/* Types whose values may hold a text that is somebody's. */
static SearchForm
search_form(Oid type)
{
	Oid base = getBaseType(type);
	Oid element;
	char category;
	bool preferred;

	if (base == BYTEAOID)
		return SEARCH_BYTES;
	if (ColumnShapeOf(base, -1) != NULL)
		return SEARCH_NOT; /* encrypted */
	element = get_element_type(base);
	if (OidIsValid(element))
		return search_form(element) == SEARCH_NOT ? SEARCH_NOT : SEARCH_OUTPUT;
	get_type_category_preferred(base, &category, &preferred);
	switch (category)
	{
		case TYPCATEGORY_STRING:
			return get_typlen(base) == -1 ? SEARCH_BYTES : SEARCH_OUTPUT;
		case TYPCATEGORY_NUMERIC:
		case TYPCATEGORY_BOOLEAN:
		case TYPCATEGORY_DATETIME:
		case TYPCATEGORY_TIMESPAN:
		case TYPCATEGORY_GEOMETRIC:
		case TYPCATEGORY_ENUM:
		case TYPCATEGORY_RANGE:
		case TYPCATEGORY_BITSTRING:
			return SEARCH_NOT;
		default:
			return SEARCH_OUTPUT;
	}
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
	if (has_name(job->shuffle, name))
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
								"tarot.grant_class('%s', "
								"'%s', 'plain').",
								data_class->name, GetUserNameFromId(GetUserId(), false))));
}

static void
plan_column(Job *job, JobTable *table, Form_pg_attribute attribute, int32 class_id)
{
	JobColumn *column = &table->columns[table->ncolumns++];
	Oid output;
	bool is_varlena;

	column->totals =
		get_totals(job, table->root, RelationGetRelid(table->relation), attribute, class_id);
	column->number = attribute->attnum;
	column->target = attribute->attnum;
	column->treatment = column->totals->treatment;
	column->length = attribute->attlen;
	column->by_value = attribute->attbyval;
	column->not_null = attribute->attnotnull;
	column->form = search_form(attribute->atttypid);
	getTypeOutputInfo(attribute->atttypid, &output, &is_varlena);
	fmgr_info(output, &column->output);
	if (class_id != CLASS_NONE)
		require_plain(class_id);
	if (column->treatment == TREAT_MASK)
	{
		column->mask = ClassMaskedType(class_id, attribute->atttypid, attribute->atttypmod);
		column->raw = column->form != SEARCH_NOT;
	}
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
			found = found || strcmp(NameStr(((ColumnTotals *) lfirst(cell))->name),
									NameStr(*(Name) lfirst(name))) == 0;
		}
		if (!found)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("no table that is to be anonymized has a column \"%s\"",
								   NameStr(*(Name) lfirst(name)))));
	}
}

static void
require_something_to_do(const Job *job)
{
	ListCell *cell;

	foreach (cell, job->totals)
	{
		ColumnTotals *totals = lfirst(cell);

		if (totals->treatment == TREAT_MASK || totals->treatment == TREAT_SHUFFLE)
			return;
	}
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("no column is to be masked or shuffled"),
					errhint("Give columns a class with tarot.classify_column(), or name some to be "
							"shuffled.")));
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
	require_columns(job, job->keep);
	require_columns(job, job->shuffle);
	require_columns(job, job->allow);
	foreach (cell, job->keep)
	{
		if (has_name(job->shuffle, NameStr(*(Name) lfirst(cell))))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("column \"%s\" is to be both kept and shuffled",
								   NameStr(*(Name) lfirst(cell)))));
	}
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

/* ---------------------------------------------------------------- what the catalogs tell */

const char *
JobDescribeColumn(Oid table, const char *column)
{
	ObjectAddress address;

	ObjectAddressSubSet(address, RelationRelationId, table, get_attnum(table, column));
	return getObjectDescription(&address, false);
}

static const char *
describe(const ColumnTotals *totals)
{
	return JobDescribeColumn(totals->table, NameStr(totals->name));
}

/* Whether it was decided what becomes of a column that it is computed from. */
static bool
follows_others(const JobTable *table, AttrNumber number)
{
	TupleConstr *constr = RelationGetDescr(table->relation)->constr;
	Bitmapset *used = NULL;

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
	{
		if (constr->defval[i].adnum == number)
			pull_varattnos(stringToNode(constr->defval[i].adbin), 1, &used);
	}
	for (int i = 0; i < table->ncolumns; i++)
	{
		const JobColumn *column = &table->columns[i];

		if (column->treatment != TREAT_LEAVE && column->treatment != TREAT_COMPUTE &&
			bms_is_member(column->number - FirstLowInvalidHeapAttributeNumber, used))
			return true;
	}
	return false;
}

static void
check_column(Job *job, const JobTable *table, const JobColumn *column)
{
	Form_pg_attribute attribute =
		TupleDescAttr(RelationGetDescr(table->relation), column->number - 1);
	const ColumnTotals *totals = column->totals;

	/* A masked table shows it to nobody, and its label stays; a copy would be no masked table. */
	if (totals->treatment == TREAT_KEEP && job->copy == NULL)
		return;
	if (attribute->attgenerated != '\0')
	{
		if (totals->class_id != CLASS_NONE && !follows_others(table, column->number))
			JobAddProblem(job, true, describe(totals), "what it is computed from stays as it is",
						  "Classify the columns that it is computed from, too.");
		return;
	}
	if (totals->class_id == CLASS_UNCLASSIFIED)
		JobAddProblem(
			job, true, describe(totals), "nobody has said of which data class it is",
			"Call tarot.classify_column(), or tarot.unclassify_column(). In place it can also "
			"be named in keep.");
	else if (totals->class_id != CLASS_NONE && !ClassFind(totals->class_id)->exists)
		JobAddProblem(job, true, describe(totals), "its data class does not exist",
					  "Create it, or classify the column anew.");
	if (totals->treatment == TREAT_KEEP)
		return;
	if (totals->treatment == TREAT_LEAVE &&
		ColumnShapeOf(attribute->atttypid, attribute->atttypmod) != NULL)
		JobAddProblem(job, true, describe(totals), "its values are encrypted, not masked",
					  "Name it in keep, and its values stay as they are: sealed. Or call "
					  "tarot.decrypt_column() before, and classify it.");
}

static const char *
how(const ColumnTotals *totals)
{
	switch (totals->treatment)
	{
		case TREAT_MASK:
			return psprintf("class %d", totals->class_id);
		case TREAT_SHUFFLE:
			return "shuffled";
		case TREAT_COMPUTE:
			return "computed";
		default:
			return NULL;
	}
}

static Datum
array_of(Datum *values, int count, Oid type)
{
	int16 length;
	bool by_value;
	char align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_array(values, count, type, length, by_value, align));
}

/* "hows" tells what becomes of each of the changed columns. */
static void
ask_catalogs(Job *job, Datum hows)
{
	Oid types[] = {OIDARRAYOID, OIDARRAYOID, INT2ARRAYOID, TEXTARRAYOID, BOOLOID};
	Datum values[] = {job->all_relations, job->changed_relations, job->changed_numbers, hows,
					  BoolGetDatum(job->copy != NULL)};
	MemoryContext context = CurrentMemoryContext;

	SPI_connect();
	if (SPI_execute_with_args("SELECT severity = 'error', object, problem, hint "
							  "FROM tarot.anonymization_obstacles($1, $2, $3, $4, $5)",
							  lengthof(types), types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "the catalogs could not be asked");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple tuple = SPI_tuptable->vals[row];
		TupleDesc desc = SPI_tuptable->tupdesc;
		MemoryContext spi_context = MemoryContextSwitchTo(context);
		bool isnull;
		bool error = DatumGetBool(SPI_getbinval(tuple, desc, 1, &isnull));

		JobAddProblem(job, error, SPI_getvalue(tuple, desc, 2), SPI_getvalue(tuple, desc, 3),
					  SPI_getvalue(tuple, desc, 4));
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
}

void
JobCheckCatalogs(Job *job)
{
	int count = 0;
	int room = 0;
	Datum *relations;
	Datum *numbers;
	Datum *hows;
	ListCell *cell;

	relations = palloc(list_length(job->relations) * sizeof(Datum));
	foreach (cell, job->relations)
	{
		relations[count++] = ObjectIdGetDatum(lfirst_oid(cell));
	}
	job->all_relations = array_of(relations, count, OIDOID);
	count = 0;
	foreach (cell, job->tables)
	{
		room += ((JobTable *) lfirst(cell))->ncolumns;
	}
	relations = palloc(room * sizeof(Datum));
	numbers = palloc(room * sizeof(Datum));
	hows = palloc(room * sizeof(Datum));
	foreach (cell, job->tables)
	{
		const JobTable *table = lfirst(cell);

		for (int i = 0; i < table->ncolumns; i++)
		{
			const char *treatment = how(table->columns[i].totals);

			check_column(job, table, &table->columns[i]);
			if (treatment == NULL)
				continue;
			relations[count] = ObjectIdGetDatum(RelationGetRelid(table->relation));
			numbers[count] = Int16GetDatum(table->columns[i].number);
			hows[count++] = CStringGetTextDatum(treatment);
		}
	}
	job->changed_relations = array_of(relations, count, OIDOID);
	job->changed_numbers = array_of(numbers, count, INT2OID);
	ask_catalogs(job, array_of(hows, count, TEXTOID));
}
