/*
 * state.h
 *		What the last sealing left: of which entries there are leaves.
 */
#ifndef TAROT_SEAL_STATE_H
#define TAROT_SEAL_STATE_H

#include "seal/tile.h"

typedef struct SealState
{
	uint64 here;   /* the cluster that this is */
	bool was_here; /* it has sealed before */
	uint64 size;   /* 0: nothing has been sealed */
	MerkleHash root;
	uint64 system;  /* the cluster that sealed last */
	Datum snapshot; /* and what it saw then */
} SealState;

/* By SPI; `fresh` as in TileStore. */
extern void SealStateRead(SealState *state, bool fresh);

typedef enum EntryStanding
{
	ENTRY_COVERED,  /* there is a leaf of it, or should be: its transaction had ended when the log
					   was sealed */
	ENTRY_UNSEALED, /* it came since */
	ENTRY_STRANGE,  /* it cannot have come in the way that entries do */
} EntryStanding;

/* `now`: a snapshot that sees the entry, as pg_current_snapshot() gives it. */
extern EntryStanding
SealStateOf(const SealState *state, TileStore *tiles, Datum now, const EntryId *id);

#endif
