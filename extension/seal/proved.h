/*
 * proved.h
 *		Leaves as the tree has them, if they lead to its root.
 */
#ifndef TAROT_SEAL_PROVED_H
#define TAROT_SEAL_PROVED_H

#include "seal/tile.h"

typedef struct ProvedTree
{
	TileStore *tiles;
	uint64 size;
	bool good; /* its root is that of the stored hashes */

	/* The tile of each level that was looked at last, and whether it leads to the root. */
	uint64 index[TILE_LEVELS];
	bool known[TILE_LEVELS];
	bool proved[TILE_LEVELS];
} ProvedTree;

/* The tree of this size and root, by SPI. */
extern void ProvedTreeOpen(ProvedTree *tree, TileStore *tiles, uint64 size, const MerkleHash *root);

/* The leaf at a position and whose it is; false where it is not in the tree. */
extern bool ProvedTreeLeaf(ProvedTree *tree, uint64 position, EntryId *id, MerkleHash *leaf);

/* Whether the tree of this size, which is not larger, has this root. */
extern bool TileRootIs(TileStore *tiles, uint64 size, const MerkleHash *root);

#endif
