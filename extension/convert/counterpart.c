/*
 * counterpart.c
 *		Which indexes a column has that is converted beside its writers, and
 *		what is like them on the new column.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "convert/counterpart.h"

/* ---------------------------------------------------------------- an index and its counterpart */

/* As a key, or for its values alone. */
static bool
has_column(Relation index, AttrNumber number)
{
	for (int i = 0; i < index->rd_index->indnatts; i++)
	{
		if (index->rd_index->indkey.values[i] == number)
			return true;
	}
	return false;
}

/* Of the row in pg_index. */
static Datum
get_index_attribute(Relation index, AttrNumber attribute)
{
	bool isnull;
	Datum value = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, attribute, &isnull);

	return isnull ? (Datum) 0 : value;
}

/* The storage options; 0: none. */
static Datum
get_options(Relation index)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(RelationGetRelid(index)));
	bool isnull;
	Datum options;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", RelationGetRelid(index));
	options = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions, &isnull);
	options = isnull ? (Datum) 0 : datumCopy(options, false, -1);
	ReleaseSysCache(tuple);
	return options;
}

static bool
same_options(Relation a, Relation b)
{
	Datum options = get_options(a);
	Datum others = get_options(b);

	return (options == 0) == (others == 0) &&
		   (options == 0 || datum_image_eq(options, others, false, -1));
}

/* Expressions as they are stored: those of the relation cache are simplified. */
static void *
get_stored_node(Relation index, AttrNumber attribute)
{
	Datum stored = get_index_attribute(index, attribute);

	return stored == 0 ? NULL : stringToNode(TextDatumGetCString(stored));
}

static bool
same_expression(Relation a, Relation b, AttrNumber attribute)
{
	return equal(get_stored_node(a, attribute), get_stored_node(b, attribute));
}

/* How a counterpart compares the values of its columns. */
static void
choose_comparison(Relation table, Relation old_index, AttrNumber from, AttrNumber to, Oid *classes,
				  Oid *collations)
{
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(table), to - 1);
	oidvector *old_classes =
		(oidvector *) DatumGetPointer(get_index_attribute(old_index, Anum_pg_index_indclass));

	for (int i = 0; i < old_index->rd_index->indnkeyatts; i++)
	{
		classes[i] = old_classes->values[i];
		collations[i] = old_index->rd_indcollation[i];
		if (old_index->rd_index->indkey.values[i] != from)
			continue;
		classes[i] = GetDefaultOpClass(column->atttypid, old_index->rd_rel->relam);
		collations[i] = column->attcollation;
		if (!OidIsValid(classes[i]))
			ereport(
				ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index \"%s\" cannot be carried over", RelationGetRelationName(old_index)),
				 errdetail("Type %s has no operators for it.", format_type_be(column->atttypid))));
	}
}

/* Whether it is what define_index() would make. */
static bool
is_counterpart(Relation table, Relation old_index, Relation new_index, AttrNumber from,
			   AttrNumber to)
{
	Form_pg_index old_form = old_index->rd_index;
	Form_pg_index new_form = new_index->rd_index;
	oidvector *new_classes =
		(oidvector *) DatumGetPointer(get_index_attribute(new_index, Anum_pg_index_indclass));
	Oid classes[INDEX_MAX_KEYS];
	Oid collations[INDEX_MAX_KEYS];

	if (new_form->indrelid != old_form->indrelid || new_form->indnatts != old_form->indnatts ||
		new_form->indnkeyatts != old_form->indnkeyatts ||
		new_form->indisunique != old_form->indisunique ||
		new_form->indnullsnotdistinct != old_form->indnullsnotdistinct ||
		new_form->indisexclusion || !new_form->indimmediate ||
		new_index->rd_rel->relam != old_index->rd_rel->relam ||
		new_index->rd_rel->reltablespace != old_index->rd_rel->reltablespace ||
		!same_options(new_index, old_index) ||
		!same_expression(new_index, old_index, Anum_pg_index_indexprs) ||
		!same_expression(new_index, old_index, Anum_pg_index_indpred))
		return false;
	choose_comparison(table, old_index, from, to, classes, collations);
	for (int i = 0; i < old_form->indnatts; i++)
	{
		AttrNumber number = old_form->indkey.values[i];

		if (new_form->indkey.values[i] != (number == from ? to : number))
			return false;
		if (i < old_form->indnkeyatts && (new_classes->values[i] != classes[i] ||
										  new_index->rd_indcollation[i] != collations[i] ||
										  new_index->rd_indoption[i] != old_index->rd_indoption[i]))
			return false;
	}
	return true;
}

static void
define_index(Relation table, Relation old_index, AttrNumber from, AttrNumber to, const char *name)
{
	IndexInfo *info = BuildIndexInfo(old_index);
	List *columns = NIL;
	Oid classes[INDEX_MAX_KEYS];
	Oid collations[INDEX_MAX_KEYS];

	choose_comparison(table, old_index, from, to, classes, collations);
	for (int i = 0; i < info->ii_NumIndexAttrs; i++)
	{
		columns = lappend(columns,
						  pstrdup(NameStr(TupleDescAttr(RelationGetDescr(old_index), i)->attname)));
		if (info->ii_IndexAttrNumbers[i] == from)
			info->ii_IndexAttrNumbers[i] = to;
	}
	info->ii_Expressions = get_stored_node(old_index, Anum_pg_index_indexprs);
	info->ii_Predicate = make_ands_implicit(get_stored_node(old_index, Anum_pg_index_indpred));
	info->ii_ReadyForInserts = false;
	info->ii_Concurrent = true;
	compat_index_create(table, name, info, columns, old_index->rd_rel->relam,
						old_index->rd_rel->reltablespace, collations, classes,
						old_index->rd_indoption, get_options(old_index),
						INDEX_CREATE_SKIP_BUILD | INDEX_CREATE_CONCURRENT);
}

static PairState
state_of(Relation table, Relation old_index, Relation new_index, AttrNumber from, AttrNumber to)
{
	Form_pg_index form = new_index->rd_index;

	if (!is_counterpart(table, old_index, new_index, from, to))
		return PAIR_UNFIT;
	if (form->indisvalid)
		return PAIR_VALID;
	if (form->indisready)
		return PAIR_READY;

	/* A build that failed leaves what it has written. */
	return RelationGetNumberOfBlocks(new_index) == 0 ? PAIR_DEFINED : PAIR_UNFIT;
}

/* ---------------------------------------------------------------- all of them */

static char *
get_new_name(const Conversion *conversion, Oid old_index)
{
	return psprintf("%s_%u", NameStr(conversion->shadow), old_index);
}

Oid
IndexPairOldIndex(const char *name)
{
	static const char prefix[] = "tarot_converted_"; /* as in steps.sql */
	const char *number;

	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return InvalidOid;
	number = name + strlen(prefix);
	number += strspn(number, "0123456789");
	if (*number != '_' || strspn(number + 1, "0123456789") != strlen(number + 1))
		return InvalidOid;
	return atooid(number + 1);
}

static IndexPair *
make_pair(Oid table, Oid old_index, Oid new_index, PairState state)
{
	IndexPair *pair = palloc(sizeof(IndexPair));

	*pair = (IndexPair){table, old_index, new_index, state};
	return pair;
}

/* The pair of an index on the old column, or a counterpart that has lost its own; else NULL. */
static IndexPair *
find_pair(Relation table, Relation index, const Conversion *conversion, AttrNumber from,
		  AttrNumber to)
{
	Oid table_id = RelationGetRelid(table);
	Oid index_id = RelationGetRelid(index);
	IndexPair *pair = NULL;

	/* One that is not valid is another conversion's, and will be looked at again when it is. */
	if (has_column(index, from) && index->rd_index->indisvalid)
	{
		Oid other_id =
			get_relname_relid(get_new_name(conversion, index_id), RelationGetNamespace(table));
		Relation other;

		if (!OidIsValid(other_id))
			return make_pair(table_id, index_id, InvalidOid, PAIR_MISSING);
		other = index_open(other_id, AccessShareLock);
		pair = make_pair(table_id, index_id, other_id, state_of(table, index, other, from, to));
		index_close(other, AccessShareLock);
	}
	else if (has_column(index, to) && OidIsValid(IndexPairOldIndex(RelationGetRelationName(index))))
	{
		Oid old_id = IndexPairOldIndex(RelationGetRelationName(index));

		if (!list_member_oid(RelationGetIndexList(table), old_id))
			pair = make_pair(table_id, InvalidOid, index_id, PAIR_UNFIT);
	}
	return pair;
}

static List *
list_pairs_of_table(Relation table, const char *column, const Conversion *conversion)
{
	AttrNumber from = get_attnum(RelationGetRelid(table), column);
	AttrNumber to = get_attnum(RelationGetRelid(table), NameStr(conversion->shadow));
	List *pairs = NIL;
	ListCell *cell;

	if (from <= 0 || to <= 0)
		ConversionRaiseLostColumn(table);
	foreach (cell, RelationGetIndexList(table))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		IndexPair *pair = find_pair(table, index, conversion, from, to);

		if (pair != NULL)
			pairs = lappend(pairs, pair);
		index_close(index, AccessShareLock);
	}
	return pairs;
}

List *
IndexPairList(List *tables, const char *column, const Conversion *conversion)
{
	List *pairs = NIL;
	ListCell *cell;

	foreach (cell, tables)
	{
		Relation table = table_open(lfirst_oid(cell), NoLock);

		pairs = list_concat(pairs, list_pairs_of_table(table, column, conversion));
		table_close(table, NoLock);
	}
	return pairs;
}

void
IndexPairDefine(const IndexPair *pair, const char *column, const Conversion *conversion)
{
	Relation table = table_open(pair->table, NoLock);
	Relation index = index_open(pair->old_index, AccessShareLock);
	Oid user;
	int context;

	/* Expressions are simplified, which may call functions: they are the owner's code. */
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(table->rd_rel->relowner, context | SECURITY_RESTRICTED_OPERATION);
	define_index(table, index, get_attnum(pair->table, column),
				 get_attnum(pair->table, NameStr(conversion->shadow)),
				 get_new_name(conversion, pair->old_index));
	SetUserIdAndSecContext(user, context);
	index_close(index, AccessShareLock);
	table_close(table, NoLock);
}

const char *
IndexPairStateName(PairState state)
{
	static const char *const names[] = {"missing", "unfit", "defined", "ready", "valid"};

	return names[state];
}

/* ---------------------------------------------------------------- what cannot be carried over */

/*
 * tarot.index_mentions(index oid, number smallint) RETURNS boolean
 *
 * Whether an expression or the predicate of an index has the column in it.
 */
PG_FUNCTION_INFO_V1(tarot_convert_index_mentions);
Datum
tarot_convert_index_mentions(PG_FUNCTION_ARGS)
{
	Relation index = index_open(PG_GETARG_OID(0), AccessShareLock);
	Bitmapset *numbers = NULL;
	bool result;

	pull_varattnos(get_stored_node(index, Anum_pg_index_indexprs), 1, &numbers);
	pull_varattnos(get_stored_node(index, Anum_pg_index_indpred), 1, &numbers);

	/* The row as a whole has it, too. */
	result = bms_is_member(PG_GETARG_INT16(1) - FirstLowInvalidHeapAttributeNumber, numbers) ||
			 bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, numbers);
	index_close(index, AccessShareLock);
	PG_RETURN_BOOL(result);
}
