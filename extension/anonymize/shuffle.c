/*
 * shuffle.c
 *		A random permutation of the values of columns: each row's get a random
 *		number, by which they are sorted. Any order is as likely as any other, but
 *		for two rows that get the same one of 2^64 numbers.
 *
 * Within groups, values are sorted by group and random number, and the places
 * of rows by group: side by side they say which values come to which place.
 */
#include "postgres.h"

#include <sodium.h>

#include "access/detoast.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "anonymize/shuffle.h"

/* Random numbers are asked for this many at a time. */
#define BATCH 512

/* Before the values of a row: its group, and a random number or its place; or these alone. */
#define KEYS 2

/* Rows, each with two keys, in the order of these. */
typedef struct SortedRows
{
	Tuplesortstate *sort;
	TupleTableSlot *put;
	TupleTableSlot *next;
} SortedRows;

struct Shuffle
{
	int count; /* columns */
	SortedRows values;
	SortedRows places; /* without values; where there are groups */
	SortedRows placed; /* values again, by the places that they come to; likewise */
	SortedRows *result;
	int ngroupers;
	FmgrInfo *hashes;
	Oid *collations;
	int64 row;
	int64 alone;
	int64 numbers[BATCH];
	int used;
};

/* ---------------------------------------------------------------- sorted rows */

static void
begin_rows(SortedRows *rows, TupleDesc desc, int memory)
{
	AttrNumber keys[KEYS] = {1, 2};
	Oid less[KEYS] = {Int8LessOperator, Int8LessOperator};
	Oid collations[KEYS] = {InvalidOid, InvalidOid};
	bool nulls_first[KEYS] = {false, false};

	rows->sort = tuplesort_begin_heap(desc, KEYS, keys, less, collations, nulls_first, memory, NULL,
									  TUPLESORT_NONE);
	rows->put = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	rows->next = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
}

/* The row's values are in the slot. */
static void
put_row(SortedRows *rows, int64 first, int64 second)
{
	rows->put->tts_values[0] = Int64GetDatum(first);
	rows->put->tts_values[1] = Int64GetDatum(second);
	rows->put->tts_isnull[0] = rows->put->tts_isnull[1] = false;
	ExecStoreVirtualTuple(rows->put);
	tuplesort_puttupleslot(rows->sort, rows->put);
}

static bool
next_row(SortedRows *rows)
{
	if (!tuplesort_gettupleslot(rows->sort, true, false, rows->next, NULL))
		return false;
	slot_getallattrs(rows->next);
	return true;
}

static int64
key_of(const SortedRows *rows, int key)
{
	return DatumGetInt64(rows->next->tts_values[key]);
}

static void
end_rows(SortedRows *rows)
{
	ExecDropSingleTupleTableSlot(rows->put);
	ExecDropSingleTupleTableSlot(rows->next);
	tuplesort_end(rows->sort);
}

/* ---------------------------------------------------------------- groups */

static void
find_hash(Shuffle *shuffle, int number, Form_pg_attribute attribute)
{
	TypeCacheEntry *type = lookup_type_cache(attribute->atttypid, TYPECACHE_HASH_EXTENDED_PROC);

	if (!OidIsValid(type->hash_extended_proc))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("rows cannot be grouped by column \"%s\" of type %s",
							   NameStr(attribute->attname), format_type_be(attribute->atttypid))));
	fmgr_info(type->hash_extended_proc, &shuffle->hashes[number]);
	shuffle->collations[number] = attribute->attcollation;
}

/* Equal values have equal hashes; NULLs are a group, too. */
static int64
group_of(const Shuffle *shuffle, const TupleTableSlot *row, const ShuffleColumns *within)
{
	uint64 hash = 0;

	for (int i = 0; i < shuffle->ngroupers; i++)
	{
		int at = within->numbers[i] - 1;
		uint64 one =
			row->tts_isnull[at]
				? 1
				: DatumGetUInt64(FunctionCall2Coll(&shuffle->hashes[i], shuffle->collations[i],
												   row->tts_values[at], UInt64GetDatum(0)));

		hash = hash_combine64(hash, one);
	}
	return (int64) hash;
}

/* ---------------------------------------------------------------- all of it */

Shuffle *
ShuffleCreate(TupleDesc desc, const ShuffleColumns *columns, const ShuffleColumns *within,
			  int memory)
{
	Shuffle *shuffle = palloc0(sizeof(Shuffle));
	TupleDesc keys = CreateTemplateTupleDesc(KEYS);
	TupleDesc values = CreateTemplateTupleDesc(KEYS + columns->count);

	TupleDescInitEntry(keys, 1, "group", INT8OID, -1, 0);
	TupleDescInitEntry(keys, 2, "number", INT8OID, -1, 0);
	TupleDescInitEntry(values, 1, "group", INT8OID, -1, 0);
	TupleDescInitEntry(values, 2, "number", INT8OID, -1, 0);
	for (int i = 0; i < columns->count; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, columns->numbers[i] - 1);

		TupleDescInitEntry(values, (AttrNumber) (KEYS + 1 + i), "value", attribute->atttypid,
						   attribute->atttypmod, attribute->attndims);
	}
	shuffle->count = columns->count;
	shuffle->used = BATCH;
	shuffle->ngroupers = within->count;
	shuffle->result = &shuffle->values;
	if (within->count > 0)
	{
		memory = Max(memory / 3, 64);
		shuffle->hashes = palloc0(within->count * sizeof(FmgrInfo));
		shuffle->collations = palloc0(within->count * sizeof(Oid));
		for (int i = 0; i < within->count; i++)
			find_hash(shuffle, i, TupleDescAttr(desc, within->numbers[i] - 1));
		begin_rows(&shuffle->places, keys, memory);
		begin_rows(&shuffle->placed, values, memory);
		shuffle->result = &shuffle->placed;
	}
	begin_rows(&shuffle->values, values, memory);
	return shuffle;
}

static int64
random_number(Shuffle *shuffle)
{
	if (shuffle->used == BATCH)
	{
		randombytes_buf(shuffle->numbers, sizeof(shuffle->numbers));
		shuffle->used = 0;
	}
	return shuffle->numbers[shuffle->used++];
}

void
ShufflePut(Shuffle *shuffle, TupleTableSlot *row, const ShuffleColumns *columns,
		   const ShuffleColumns *within)
{
	TupleTableSlot *slot = shuffle->values.put;

	ExecClearTuple(slot);
	for (int i = 0; i < shuffle->count; i++)
	{
		int at = columns->numbers[i] - 1;
		Datum value = row->tts_values[at];

		/* Of variable length it may lie elsewhere. */
		if (!row->tts_isnull[at] && TupleDescAttr(row->tts_tupleDescriptor, at)->attlen == -1)
			value =
				PointerGetDatum(detoast_external_attr((struct varlena *) DatumGetPointer(value)));
		slot->tts_values[KEYS + i] = value;
		slot->tts_isnull[KEYS + i] = row->tts_isnull[at];
	}
	if (shuffle->ngroupers == 0)
		put_row(&shuffle->values, random_number(shuffle), 0);
	else
	{
		int64 group = group_of(shuffle, row, within);

		put_row(&shuffle->values, group, random_number(shuffle));
		ExecClearTuple(shuffle->places.put);
		put_row(&shuffle->places, group, shuffle->row++);
	}
}

static bool
has_value(const Shuffle *shuffle)
{
	for (int i = 0; i < shuffle->count; i++)
	{
		if (!shuffle->values.next->tts_isnull[KEYS + i])
			return true;
	}
	return false;
}

static void
place_values(Shuffle *shuffle)
{
	int64 group = 0;
	int64 members = 0;
	bool valued = false;

	while (next_row(&shuffle->values))
	{
		TupleTableSlot *from = shuffle->values.next;
		TupleTableSlot *to = shuffle->placed.put;

		CHECK_FOR_INTERRUPTS();
		if (!next_row(&shuffle->places) ||
			key_of(&shuffle->places, 0) != key_of(&shuffle->values, 0))
			elog(ERROR, "a group of rows has other places than values");
		if (members == 0 || key_of(&shuffle->values, 0) != group)
		{
			shuffle->alone += members == 1 && valued;
			group = key_of(&shuffle->values, 0);
			members = 0;
			valued = has_value(shuffle);
		}
		members++;
		ExecClearTuple(to);
		memcpy(&to->tts_values[KEYS], &from->tts_values[KEYS], shuffle->count * sizeof(Datum));
		memcpy(&to->tts_isnull[KEYS], &from->tts_isnull[KEYS], shuffle->count * sizeof(bool));
		put_row(&shuffle->placed, key_of(&shuffle->places, 1), 0);
	}
	shuffle->alone += members == 1 && valued;
	end_rows(&shuffle->values);
	end_rows(&shuffle->places);
	tuplesort_performsort(shuffle->placed.sort);
}

int64
ShuffleSort(Shuffle *shuffle)
{
	sodium_memzero(shuffle->numbers, sizeof(shuffle->numbers));
	tuplesort_performsort(shuffle->values.sort);
	if (shuffle->ngroupers > 0)
	{
		tuplesort_performsort(shuffle->places.sort);
		place_values(shuffle);
	}
	return shuffle->alone;
}

void
ShuffleNext(Shuffle *shuffle)
{
	if (!next_row(shuffle->result))
		elog(ERROR, "a column has more values than were shuffled");
}

Datum
ShuffleValue(Shuffle *shuffle, int column, bool *isnull)
{
	*isnull = shuffle->result->next->tts_isnull[KEYS + column];
	return shuffle->result->next->tts_values[KEYS + column];
}

void
ShuffleFree(Shuffle *shuffle)
{
	end_rows(shuffle->result);
	pfree(shuffle);
}
