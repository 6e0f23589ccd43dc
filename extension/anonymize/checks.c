/*
 * checks.c
 *		Whether rows meet the CHECK constraints, UNIQUE constraints and unique
 *		indexes of a table. (NOT NULL is the pass's own, which makes the values.)
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "catalog/index.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "anonymize/checks.h"
#include "base/compat.h"

typedef struct CheckConstraint
{
	const char *name;
	ExprState *state;
	int64 violations;
} CheckConstraint;

/* Keys are counted by two hashes of 64 bits, under which equal ones are equal. */
typedef struct UniqueIndex
{
	Oid oid;
	IndexInfo *info;
	ExprState *predicate;
	FmgrInfo hash[INDEX_MAX_KEYS];
	Oid collations[INDEX_MAX_KEYS];
	Tuplesortstate *sort;
	TupleTableSlot *put;
} UniqueIndex;

struct RowChecks
{
	Relation relation;
	EState *estate;
	List *constraints; /* of CheckConstraint */
	List *indexes;     /* of UniqueIndex */
};

/* ---------------------------------------------------------------- opening */

/* A row as a whole is all of its columns. */
static bool
mentions(Node *expression, Bitmapset *changed)
{
	Bitmapset *used = NULL;

	pull_varattnos(expression, 1, &used);
	return bms_overlap(used, changed) ||
		   bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
}

static void
open_constraints(RowChecks *checks, Bitmapset *changed)
{
	TupleConstr *constr = RelationGetDescr(checks->relation)->constr;

	for (int i = 0; constr != NULL && i < constr->num_check; i++)
	{
		CheckConstraint *constraint;
		Node *expression = stringToNode(constr->check[i].ccbin);

		if (!compat_check_enforced(&constr->check[i]))
			continue;
		expression = compat_expand_generated(expression, checks->relation);
		if (!mentions(expression, changed))
			continue;
		constraint = palloc0(sizeof(CheckConstraint));
		constraint->name = pstrdup(constr->check[i].ccname);
		constraint->state = ExecPrepareExpr((Expr *) expression, checks->estate);
		checks->constraints = lappend(checks->constraints, constraint);
	}
}

static bool
index_mentions(Relation index, Bitmapset *changed)
{
	Form_pg_index form = index->rd_index;

	for (int i = 0; i < form->indnkeyatts; i++)
	{
		if (bms_is_member(form->indkey.values[i] - FirstLowInvalidHeapAttributeNumber, changed))
			return true;
	}
	return mentions((Node *) RelationGetIndexExpressions(index), changed) ||
		   mentions((Node *) RelationGetIndexPredicate(index), changed);
}

/* False where a type has no hash: then the index is what finds out. */
static bool
find_hashes(UniqueIndex *unique, Relation index)
{
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		TypeCacheEntry *type = lookup_type_cache(
			TupleDescAttr(RelationGetDescr(index), i)->atttypid, TYPECACHE_HASH_EXTENDED_PROC);

		if (!OidIsValid(type->hash_extended_proc))
			return false;
		fmgr_info(type->hash_extended_proc, &unique->hash[i]);
		unique->collations[i] = index->rd_indcollation[i];
	}
	return true;
}

static void
open_index(RowChecks *checks, Relation index, int memory)
{
	UniqueIndex *unique = palloc0(sizeof(UniqueIndex));
	TupleDesc desc = CreateTemplateTupleDesc(2);
	AttrNumber keys[] = {1, 2};
	Oid less[] = {Int8LessOperator, Int8LessOperator};
	Oid collations[] = {InvalidOid, InvalidOid};
	bool nulls_first[] = {false, false};

	if (!find_hashes(unique, index))
		return;
	unique->oid = RelationGetRelid(index);
	unique->info = BuildIndexInfo(index);
	unique->predicate = ExecPrepareQual(unique->info->ii_Predicate, checks->estate);
	TupleDescInitEntry(desc, 1, "hash", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 2, "other_hash", INT8OID, -1, 0);
	unique->sort = tuplesort_begin_heap(desc, 2, keys, less, collations, nulls_first, memory, NULL,
										TUPLESORT_NONE);
	unique->put = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	checks->indexes = lappend(checks->indexes, unique);
}

RowChecks *
RowChecksOpen(Relation relation, EState *estate, Bitmapset *changed, int memory)
{
	RowChecks *checks = palloc0(sizeof(RowChecks));
	ListCell *cell;

	checks->relation = relation;
	checks->estate = estate;
	open_constraints(checks, changed);
	foreach (cell, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index->rd_index->indisunique && index->rd_index->indisvalid &&
			index_mentions(index, changed))
			open_index(checks, index, memory);
		index_close(index, NoLock);
	}
	return checks;
}

/* ---------------------------------------------------------------- a row */

static bool
holds(RowChecks *checks, CheckConstraint *constraint, TupleTableSlot *row)
{
	ExprContext *context = GetPerTupleExprContext(checks->estate);

	context->ecxt_scantuple = row;
	return ExecCheck(constraint->state, context);
}

/* Where a column is NULL, the key is equal to none, but in an index that says otherwise. */
static void
add_key(RowChecks *checks, UniqueIndex *unique, TupleTableSlot *row)
{
	ExprContext *context = GetPerTupleExprContext(checks->estate);
	TupleTableSlot *slot = unique->put;
	Datum values[INDEX_MAX_KEYS];
	bool isnull[INDEX_MAX_KEYS];
	uint64 hashes[2] = {0, UINT64CONST(0x9E3779B97F4A7C15)};

	context->ecxt_scantuple = row;
	if (unique->predicate != NULL && !ExecQual(unique->predicate, context))
		return;
	FormIndexDatum(unique->info, row, checks->estate, values, isnull);
	for (int i = 0; i < unique->info->ii_NumIndexKeyAttrs; i++)
	{
		if (isnull[i] && !unique->info->ii_NullsNotDistinct)
			return;
		for (int h = 0; h < 2; h++)
		{
			uint64 hash =
				isnull[i]
					? 1
					: DatumGetUInt64(FunctionCall2Coll(&unique->hash[i], unique->collations[i],
													   values[i], UInt64GetDatum(hashes[h])));

			/* Seeded by those before, but what a type makes of a seed is its own affair. */
			hashes[h] = hash_combine64(hashes[h], hash);
		}
	}
	ExecClearTuple(slot);
	slot->tts_values[0] = Int64GetDatum((int64) hashes[0]);
	slot->tts_values[1] = Int64GetDatum((int64) hashes[1]);
	slot->tts_isnull[0] = slot->tts_isnull[1] = false;
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(unique->sort, slot);
}

void
RowChecksAdd(RowChecks *checks, TupleTableSlot *row, TupleTableSlot *before)
{
	ListCell *cell;

	foreach (cell, checks->constraints)
	{
		CheckConstraint *constraint = lfirst(cell);

		if (!holds(checks, constraint, row) &&
			(before == NULL || holds(checks, constraint, before)))
			constraint->violations++;
	}
	foreach (cell, checks->indexes)
	{
		add_key(checks, lfirst(cell), row);
	}
}

/* ---------------------------------------------------------------- the result */

/* Rows whose key another one has, too, less one of each. */
static int64
count_duplicates(UniqueIndex *unique)
{
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(unique->put->tts_tupleDescriptor, &TTSOpsMinimalTuple);
	int64 last[2] = {0};
	bool first = true;
	int64 duplicates = 0;

	tuplesort_performsort(unique->sort);
	while (tuplesort_gettupleslot(unique->sort, true, false, slot, NULL))
	{
		int64 key[2];

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		key[0] = DatumGetInt64(slot->tts_values[0]);
		key[1] = DatumGetInt64(slot->tts_values[1]);
		if (!first && key[0] == last[0] && key[1] == last[1])
			duplicates++;
		first = false;
		last[0] = key[0];
		last[1] = key[1];
	}
	ExecDropSingleTupleTableSlot(slot);
	ExecDropSingleTupleTableSlot(unique->put);
	tuplesort_end(unique->sort);
	return duplicates;
}

void
RowChecksFinish(RowChecks *checks, Job *job)
{
	ListCell *cell;

	foreach (cell, checks->constraints)
	{
		CheckConstraint *constraint = lfirst(cell);
		ObjectAddress address;

		if (constraint->violations == 0)
			continue;
		ObjectAddressSet(address, ConstraintRelationId,
						 get_relation_constraint_oid(RelationGetRelid(checks->relation),
													 constraint->name, false));
		JobAddProblem(
			job, true, getObjectDescription(&address, false),
			JobCount(constraint->violations, "row would violate it", "rows would violate it"),
			"Give the data classes other masks, or drop the constraint.");
	}
	foreach (cell, checks->indexes)
	{
		UniqueIndex *unique = lfirst(cell);
		int64 duplicates = count_duplicates(unique);
		ObjectAddress address;

		if (duplicates == 0)
			continue;
		ObjectAddressSet(address, RelationRelationId, unique->oid);
		JobAddProblem(
			job, true, getObjectDescription(&address, false),
			JobCount(duplicates, "row would have a key that another row has",
					 "rows would have a key that another row has"),
			"It is unique: give the data class a mask that keeps values apart, such as pseudonym.");
	}
}
