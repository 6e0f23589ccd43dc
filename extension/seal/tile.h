/*
 * tile.h
 *		Where the hash tree lies: tarot.audit_tile, 256 hashes a row, and which
 *		entry is at which position.
 *
 * A tile of level 0 has leaves, one of level n the roots of what 256 tiles of
 * the level below are the leaves of. (C2SP's tlog-tiles divides a tree so.)
 * What lies between is computed, from one tile.
 *
 * Tiles of level 0 also say whose leaves they have, as runs: a transaction's
 * entries have consecutive numbers, but for what savepoints took back.
 *
 * All is done by SPI, which the caller has connected to.
 */
#ifndef TAROT_SEAL_TILE_H
#define TAROT_SEAL_TILE_H

#include "lib/stringinfo.h"

#include "crypto/merkle.h"
#include "seal/log.h"

#define TILE_HEIGHT 8
#define TILE_WIDTH 256
#define TILE_LEVELS 8

/* Entries at consecutive positions with consecutive numbers. */
typedef struct EntryRun
{
	EntryId first;
	uint32 count;
} EntryRun;

/* On disk: system, transaction and number in 8 bytes each, and the count in 4. */
#define RUN_SIZE 28
extern bool RunRead(Bytes runs, int number, EntryRun *run);

typedef struct Tile
{
	int level; /* -1: none is here */
	uint64 index;
	int count;
	bool changed;
	MerkleHash hashes[TILE_WIDTH];
	StringInfo runs; /* of level 0 */
} Tile;

/* Tiles at hand, one a level. */
typedef struct TileStore
{
	Tile tiles[TILE_LEVELS];
	bool fresh;   /* reads what was committed last, rather than what the statement sees */
	EntryId last; /* the entry that was appended last */
} TileStore;

/* In the current memory context. */
extern TileStore *TileStoreMake(bool fresh);

/* A MerkleReader: CRYPTO_MALFORMED where a tile is missing or too short. */
extern CryptoStatus TileRead(void *store, int height, uint64_t index, MerkleHash *hash);

/* The leaf at a position, and whose it is; false where there is none. */
extern bool TileLeaf(TileStore *store, uint64 position, EntryId *id, MerkleHash *leaf);

/* Appends a leaf; tiles are written when they are full, and by TileFlush(). As TileRead(). */
extern CryptoStatus
TileAppend(TileStore *store, MerkleFrontier *frontier, const EntryId *id, const MerkleHash *leaf);
extern void TileFlush(TileStore *store);

/* The position of an entry's leaf; -1: it has none. */
extern int64 TileFind(TileStore *store, const EntryId *id);

/* The same, if it is in this tile. */
extern int64 TileFindIn(TileStore *store, uint64 index, const EntryId *id);

#endif
