/*
 * proved.c
 *		Leaves as the tree has them, if they lead to its root.
 *
 * The root is made of the tiles that are not full. A full one is good where the
 * root of its hashes is what a good tile above it has in its place: so a leaf
 * costs what lies above its tile, once.
 */
#include "postgres.h"

#include "keys/root.h"
#include "seal/proved.h"

bool
TileRootIs(TileStore *tiles, uint64 size, const MerkleHash *root)
{
	MerkleFrontier frontier;
	MerkleHash found;
	CryptoStatus status = merkle_read_frontier(size, TileRead, tiles, &frontier);

	if (status == CRYPTO_OK)
		status = merkle_root(&frontier, &found);
	if (status == CRYPTO_FAILED)
		CryptoCheck(status);
	return status == CRYPTO_OK && memcmp(&found, root, sizeof(found)) == 0;
}

void
ProvedTreeOpen(ProvedTree *tree, TileStore *tiles, uint64 size, const MerkleHash *root)
{
	memset(tree, 0, sizeof(*tree));
	tree->tiles = tiles;
	tree->size = size;
	tree->good = size > 0 && TileRootIs(tiles, size, root);
}

/* Whether the hashes of a full tile have the root that the tile above has for it. */
static bool
is_below(ProvedTree *tree, int level, uint64 index)
{
	int height = level * TILE_HEIGHT + TILE_HEIGHT - 1;
	MerkleHash left, right, root, above;

	if (TileRead(tree->tiles, height, 2 * index, &left) != CRYPTO_OK ||
		TileRead(tree->tiles, height, 2 * index + 1, &right) != CRYPTO_OK)
		return false;
	CryptoCheck(merkle_node(&left, &right, &root));
	return TileRead(tree->tiles, height + 1, index, &above) == CRYPTO_OK &&
		   memcmp(&root, &above, sizeof(root)) == 0;
}

static bool
is_proved(ProvedTree *tree, int level, uint64 index)
{
	uint64 hashes = tree->size >> (level * TILE_HEIGHT);

	/* The last one, from which the root was made. */
	if (index == hashes / TILE_WIDTH)
		return tree->good;
	if (level + 1 == TILE_LEVELS)
		return false;
	if (!tree->known[level] || tree->index[level] != index)
	{
		bool proved =
			is_proved(tree, level + 1, index / TILE_WIDTH) && is_below(tree, level, index);

		tree->index[level] = index;
		tree->proved[level] = proved;
		tree->known[level] = true;
	}
	return tree->proved[level];
}

bool
ProvedTreeLeaf(ProvedTree *tree, uint64 position, EntryId *id, MerkleHash *leaf)
{
	return position < tree->size && is_proved(tree, 0, position / TILE_WIDTH) &&
		   TileLeaf(tree->tiles, position, id, leaf);
}
