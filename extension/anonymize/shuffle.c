/*
 * shuffle.c
 *		A random permutation of the values of a column: each gets a random number,
 *		by which they are sorted. Any order is as likely as any other, but for two
 *		values that get the same one of 2^64 numbers.
 */
#include "postgres.h"

#include <sodium.h>

#include "access/detoast.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "anonymize/shuffle.h"

/* Random numbers are asked for this many at a time. */
#define BATCH 512

struct Shuffle
{
	Tuplesortstate *sort;
	TupleTableSlot *put;
	TupleTableSlot *next;
	bool by_length; /* its type has values of variable length, which may lie elsewhere */
	int64 numbers[BATCH];
	int used;
};

Shuffle *
ShuffleCreate(Form_pg_attribute attribute, int memory)
{
	Shuffle *shuffle = palloc0(sizeof(Shuffle));
	TupleDesc desc = CreateTemplateTupleDesc(2);
	AttrNumber key = 1;
	Oid less = Int8LessOperator;
	Oid collation = InvalidOid;
	bool nulls_first = false;

	TupleDescInitEntry(desc, 1, "number", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 2, "value", attribute->atttypid, attribute->atttypmod,
					   attribute->attndims);
	shuffle->sort = tuplesort_begin_heap(desc, 1, &key, &less, &collation, &nulls_first, memory,
										 NULL, TUPLESORT_NONE);
	shuffle->put = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	shuffle->next = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	shuffle->by_length = attribute->attlen == -1;
	shuffle->used = BATCH;
	return shuffle;
}

void
ShufflePut(Shuffle *shuffle, Datum value, bool isnull)
{
	TupleTableSlot *slot = shuffle->put;

	if (shuffle->used == BATCH)
	{
		randombytes_buf(shuffle->numbers, sizeof(shuffle->numbers));
		shuffle->used = 0;
	}
	ExecClearTuple(slot);
	slot->tts_values[0] = Int64GetDatum(shuffle->numbers[shuffle->used++]);
	slot->tts_isnull[0] = false;
	slot->tts_isnull[1] = isnull;
	slot->tts_values[1] = value;
	if (!isnull && shuffle->by_length)
		slot->tts_values[1] =
			PointerGetDatum(detoast_external_attr((struct varlena *) DatumGetPointer(value)));
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(shuffle->sort, slot);
}

void
ShuffleSort(Shuffle *shuffle)
{
	tuplesort_performsort(shuffle->sort);
	sodium_memzero(shuffle->numbers, sizeof(shuffle->numbers));
}

Datum
ShuffleNext(Shuffle *shuffle, bool *isnull)
{
	if (!tuplesort_gettupleslot(shuffle->sort, true, false, shuffle->next, NULL))
		elog(ERROR, "a column has more values than were shuffled");
	return slot_getattr(shuffle->next, 2, isnull);
}

void
ShuffleFree(Shuffle *shuffle)
{
	ExecDropSingleTupleTableSlot(shuffle->put);
	ExecDropSingleTupleTableSlot(shuffle->next);
	tuplesort_end(shuffle->sort);
	pfree(shuffle);
}
