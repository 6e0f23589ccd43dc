/*
 * tile.c
 *		Where the hash tree lies.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "base/varlena.h"
#include "keys/root.h"
#include "seal/tile.h"

#define HASHES(count) ((size_t) (count) * sizeof(MerkleHash))

/* ---------------------------------------------------------------- runs */

bool
RunRead(Bytes runs, int number, EntryRun *run)
{
	const uint8 *at = runs.data + (size_t) number * RUN_SIZE;

	if (((size_t) number + 1) * RUN_SIZE > runs.len)
		return false;
	run->first.system = bytes_get_u64(at);
	run->first.transaction = bytes_get_u64(at + 8);
	run->first.number = (int64) bytes_get_u64(at + 16);
	run->count = bytes_get_u32(at + 24);
	return true;
}

static void
run_write(StringInfo runs, const EntryRun *run)
{
	uint8 bytes[RUN_SIZE];

	bytes_put_u64(bytes, run->first.system);
	bytes_put_u64(bytes + 8, run->first.transaction);
	bytes_put_u64(bytes + 16, (uint64) run->first.number);
	bytes_put_u32(bytes + 24, run->count);
	appendBinaryStringInfo(runs, (char *) bytes, RUN_SIZE);
}

/* The last run takes in an entry that follows its own. */
static void
run_append(StringInfo runs, const EntryId *id)
{
	EntryRun run;

	if (runs->len >= RUN_SIZE &&
		RunRead(bytes_view(runs->data, (size_t) runs->len), runs->len / RUN_SIZE - 1, &run) &&
		run.first.system == id->system && run.first.transaction == id->transaction &&
		(uint64) run.first.number + run.count == (uint64) id->number)
	{
		run.count++;
		runs->len -= RUN_SIZE;
	}
	else
		run = (EntryRun){*id, 1};
	run_write(runs, &run);
}

/* The transactions that a tile is about. */
static void
runs_bounds(Bytes runs, int64 *lowest, int64 *highest)
{
	EntryRun run;

	*lowest = PG_INT64_MAX;
	*highest = 0;
	for (int i = 0; RunRead(runs, i, &run); i++)
	{
		*lowest = Min(*lowest, (int64) run.first.transaction);
		*highest = Max(*highest, (int64) run.first.transaction);
	}
}

/* Where in a tile an entry is; -1: nowhere. */
static int
runs_find(Bytes runs, const EntryId *id)
{
	EntryRun run;
	int place = 0;

	for (int i = 0; RunRead(runs, i, &run); i++)
	{
		if (run.first.system == id->system && run.first.transaction == id->transaction &&
			id->number >= run.first.number &&
			(uint64) id->number - (uint64) run.first.number < run.count)
			return place + (int) (id->number - run.first.number);
		place += (int) run.count;
	}
	return -1;
}

/* ---------------------------------------------------------------- the table */

TileStore *
TileStoreMake(bool fresh)
{
	TileStore *store = palloc0(sizeof(TileStore));

	store->fresh = fresh;
	for (int level = 0; level < TILE_LEVELS; level++)
	{
		store->tiles[level].level = -1;
		store->tiles[level].runs = makeStringInfo();
	}
	return store;
}

/* A copy, to be freed; NULL: there is none. */
static bytea *
column_bytea(uint64 row, int column)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NULL : (bytea *) PG_DETOAST_DATUM_COPY(value);
}

static Bytes
view_of(const bytea *value)
{
	return value == NULL ? bytes_view(NULL, 0) : BytesOfVarlena(value);
}

static void
free_bytea(bytea *value)
{
	if (value != NULL)
		pfree(value);
}

/* The first row of a query's result, if there is one. */
static bool
query_row(const char *query, int nargs, Oid *types, Datum *values, bool fresh)
{
	int result = SPI_execute_with_args(query, nargs, types, values, NULL, !fresh, 1);

	if (result != SPI_OK_SELECT)
		elog(ERROR, "a query on tarot.audit_tile failed: %s", SPI_result_code_string(result));
	return SPI_processed > 0;
}

/* Into its place in the store; false where there is none. */
static bool
tile_load(TileStore *store, int level, uint64 index)
{
	Oid types[] = {INT4OID, INT8OID};
	Datum values[] = {Int32GetDatum(level), Int64GetDatum((int64) index)};
	Tile *tile = &store->tiles[level];
	bytea *stored, *stored_runs;
	Bytes hashes, runs;

	if (tile->level == level && tile->index == index)
		return true;
	tile->level = -1;
	if (!query_row("SELECT t.hashes, t.runs FROM tarot.audit_tile t "
				   "WHERE t.level OPERATOR(pg_catalog.=) $1 AND t.index OPERATOR(pg_catalog.=) $2",
				   lengthof(types), types, values, store->fresh))
		return false;
	stored = column_bytea(0, 1);
	stored_runs = column_bytea(0, 2);
	hashes = view_of(stored);
	runs = view_of(stored_runs);
	if (hashes.len % sizeof(MerkleHash) == 0 && hashes.len <= sizeof(tile->hashes))
	{
		*tile = (Tile){.level = level, .index = index, .runs = tile->runs};
		tile->count = (int) (hashes.len / sizeof(MerkleHash));
		memcpy(tile->hashes, hashes.data, hashes.len);
		resetStringInfo(tile->runs);
		appendBinaryStringInfo(tile->runs, (const char *) runs.data, (int) runs.len);
	}
	free_bytea(stored);
	free_bytea(stored_runs);
	SPI_freetuptable(SPI_tuptable);
	return tile->level == level;
}

static bytea *
bytea_of(const void *data, size_t size)
{
	bytea *out = palloc(VARHDRSZ + size);

	SET_VARSIZE(out, VARHDRSZ + size);
	memcpy(VARDATA(out), data, size);
	return out;
}

static void
tile_write(Tile *tile)
{
	static const char *const leaves =
		"INSERT INTO tarot.audit_tile (level, index, hashes, runs, transactions) VALUES ($1, $2, "
		"$3, $4, "
		"pg_catalog.int8range($5, $6, '[]')) ON CONFLICT (level, index) DO UPDATE "
		"SET hashes = excluded.hashes, runs = excluded.runs, transactions = excluded.transactions";
	static const char *const nodes =
		"INSERT INTO tarot.audit_tile (level, index, hashes) VALUES ($1, $2, $3) "
		"ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes";
	Oid types[] = {INT4OID, INT8OID, BYTEAOID, BYTEAOID, INT8OID, INT8OID};
	Bytes runs = bytes_view(tile->runs->data, (size_t) tile->runs->len);
	int64 lowest, highest;
	Datum values[6];
	int result;

	runs_bounds(runs, &lowest, &highest);
	values[0] = Int32GetDatum(tile->level);
	values[1] = Int64GetDatum((int64) tile->index);
	values[2] = PointerGetDatum(bytea_of(tile->hashes, HASHES(tile->count)));
	values[3] = PointerGetDatum(bytea_of(runs.data, runs.len));
	values[4] = Int64GetDatum(lowest);
	values[5] = Int64GetDatum(highest);
	result = SPI_execute_with_args(tile->level == 0 ? leaves : nodes, tile->level == 0 ? 6 : 3,
								   types, values, NULL, false, 0);
	if (result != SPI_OK_INSERT)
		elog(ERROR, "writing tarot.audit_tile failed: %s", SPI_result_code_string(result));
	pfree(DatumGetPointer(values[2]));
	pfree(DatumGetPointer(values[3]));
	tile->changed = false;
}

/* ---------------------------------------------------------------- reading */

CryptoStatus
TileRead(void *argument, int height, uint64_t index, MerkleHash *hash)
{
	TileStore *store = argument;
	int level = height / TILE_HEIGHT;
	int count = 1 << (height % TILE_HEIGHT);
	uint64 first = index * (uint64) count;
	int place = (int) (first % TILE_WIDTH);
	MerkleFrontier frontier = {0};
	CryptoStatus status = CRYPTO_OK;

	if (level >= TILE_LEVELS || !tile_load(store, level, first / TILE_WIDTH) ||
		place + count > store->tiles[level].count)
		return CRYPTO_MALFORMED;
	for (int i = 0; status == CRYPTO_OK && i < count; i++)
		status = merkle_append(&frontier, &store->tiles[level].hashes[place + i], NULL, NULL);
	return status == CRYPTO_OK ? merkle_root(&frontier, hash) : status;
}

int64
TileFind(TileStore *store, const EntryId *id)
{
	Oid types[] = {INT8OID};
	Datum values[] = {Int64GetDatum((int64) id->transaction)};
	Tile *tile = &store->tiles[0];
	int place = -1;
	int result;

	/* Neighbours are asked for one after the other. */
	if (tile->level == 0 &&
		(place = runs_find(bytes_view(tile->runs->data, (size_t) tile->runs->len), id)) >= 0)
		return (int64) (tile->index * TILE_WIDTH) + place;
	result = SPI_execute_with_args(
		"SELECT t.index, t.runs FROM tarot.audit_tile t WHERE t.level OPERATOR(pg_catalog.=) 0 "
		"AND t.transactions OPERATOR(pg_catalog.@>) $1 ORDER BY t.index",
		lengthof(types), types, values, NULL, !store->fresh, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "a query on tarot.audit_tile failed: %s", SPI_result_code_string(result));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool isnull;
		int64 index = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], desc, 1, &isnull));
		bytea *runs = column_bytea(i, 2);

		place = runs_find(view_of(runs), id);
		free_bytea(runs);
		if (place < 0)
			continue;
		SPI_freetuptable(SPI_tuptable);
		(void) tile_load(store, 0, (uint64) index);
		return index * TILE_WIDTH + place;
	}
	SPI_freetuptable(SPI_tuptable);
	return -1;
}

int64
TileFindIn(TileStore *store, uint64 index, const EntryId *id)
{
	const Tile *tile = &store->tiles[0];
	int place = -1;

	if (tile_load(store, 0, index))
		place = runs_find(bytes_view(tile->runs->data, (size_t) tile->runs->len), id);
	return place < 0 ? -1 : (int64) (index * TILE_WIDTH) + place;
}

bool
TileLeaf(TileStore *store, uint64 position, EntryId *id, MerkleHash *leaf)
{
	uint32 place = (uint32) (position % TILE_WIDTH);
	const Tile *tile = &store->tiles[0];
	EntryRun run;

	if (!tile_load(store, 0, position / TILE_WIDTH) || place >= (uint32) tile->count)
		return false;
	*leaf = tile->hashes[place];
	for (int i = 0; RunRead(bytes_view(tile->runs->data, (size_t) tile->runs->len), i, &run);
		 place -= run.count, i++)
	{
		if (place >= run.count)
			continue;
		*id = run.first;
		id->number += place;
		return true;
	}
	return false;
}

/* ---------------------------------------------------------------- growing */

/* A MerkleWriter. */
static CryptoStatus
put_hash(void *argument, int height, uint64_t index, const MerkleHash *hash)
{
	TileStore *store = argument;
	int level = height / TILE_HEIGHT;
	Tile *tile = &store->tiles[level];
	int place = (int) (index % TILE_WIDTH);

	if (height % TILE_HEIGHT != 0)
		return CRYPTO_OK;
	if (tile->level != level || tile->index != index / TILE_WIDTH)
	{
		if (place > 0 && !tile_load(store, level, index / TILE_WIDTH))
			return CRYPTO_MALFORMED;
		if (place == 0)
		{
			*tile = (Tile){.level = level, .index = index / TILE_WIDTH, .runs = tile->runs};
			resetStringInfo(tile->runs);
		}
	}
	if (place != tile->count)
		return CRYPTO_MALFORMED;
	tile->hashes[tile->count++] = *hash;
	tile->changed = true;
	if (level == 0)
		run_append(tile->runs, &store->last);
	if (tile->count == TILE_WIDTH)
		tile_write(tile);
	return CRYPTO_OK;
}

CryptoStatus
TileAppend(TileStore *store, MerkleFrontier *frontier, const EntryId *id, const MerkleHash *leaf)
{
	store->last = *id;
	return merkle_append(frontier, leaf, put_hash, store);
}

void
TileFlush(TileStore *store)
{
	for (int level = 0; level < TILE_LEVELS; level++)
	{
		if (store->tiles[level].level == level && store->tiles[level].changed)
			tile_write(&store->tiles[level]);
	}
}
