/*
 * verify_tree.c
 *		Whether leaves lead to the roots of checkpoints, by verify.c.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "keys/root.h"
#include "seal/verifier.h"

typedef struct WrongTile
{
	int level;
	uint64 index; /* of the hash in its level */
	uint64 end;
} WrongTile;

/* A MerkleWriter: what it computes must be what tiles above the leaves have. */
static CryptoStatus
compare_hash(void *argument, int height, uint64_t index, const MerkleHash *hash)
{
	Verifier *verifier = argument;
	MerkleHash stored;
	WrongTile wrong = {height / TILE_HEIGHT, index, (index + 1) << height};

	if (height == 0 || height % TILE_HEIGHT != 0)
		return CRYPTO_OK;
	if (TileRead(verifier->tiles, height, index, &stored) != CRYPTO_OK ||
		memcmp(&stored, hash, sizeof(stored)) != 0)
		appendBinaryStringInfo(verifier->wrong_tiles, (char *) &wrong, sizeof(wrong));
	return CRYPTO_OK;
}

/* The first of those from a position on. */
static size_t
first_mismatch(const Verifier *verifier, uint64 position)
{
	size_t low = 0, high = verifier->nmismatches;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (verifier->mismatches[middle].position < position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Grows the tree by the leaves up to a state: those that are stored, or, where
 * an entry has another hash, that. Whether this is the state's root.
 */
static bool
grow_to(Verifier *verifier, MerkleFrontier *frontier, const SealedRoot *state, bool by_entries)
{
	size_t next = first_mismatch(verifier, frontier->size);
	MerkleHash root;

	while (frontier->size < state->size)
	{
		uint64 position = frontier->size;
		const MerkleHash *leaf = &VerifierAt(verifier, position)->leaf;

		CHECK_FOR_INTERRUPTS();
		if (next < verifier->nmismatches && verifier->mismatches[next].position == position)
		{
			if (by_entries)
				leaf = &verifier->mismatches[next].hash;
			next++;
		}
		CryptoCheck(merkle_append(frontier, leaf, compare_hash, verifier));
	}
	CryptoCheck(merkle_root(frontier, &root));
	return memcmp(&root, &state->root, sizeof(root)) == 0;
}

static void
check_state(Verifier *verifier, MerkleFrontier *frontier, SealedRoot *state)
{
	MerkleFrontier before = *frontier;
	MerkleFrontier other = *frontier;
	int wrong_before = verifier->wrong_tiles->len;
	size_t from = first_mismatch(verifier, before.size);
	size_t to = first_mismatch(verifier, state->size);

	state->reached = grow_to(verifier, frontier, state, false);
	if (state->reached || from == to)
		return;

	/* By the entries as they are it comes out right: then it is the leaves that were changed. */
	verifier->wrong_tiles->len = wrong_before;
	state->reached = grow_to(verifier, &other, state, true);
	if (!state->reached)
		return;
	for (size_t i = from; i < to; i++)
		verifier->mismatches[i].leaf_is_wrong = true;
	*frontier = other;
}

/* The first position whose leaf is not there: what lies behind it cannot be checked. */
static uint64
first_gap(const Verifier *verifier)
{
	uint64 p = verifier->first;

	while (p < verifier->last && VerifierAt(verifier, p)->stored)
		p++;
	return p;
}

void
VerifierCheckTree(Verifier *verifier)
{
	MerkleFrontier frontier = {0};
	uint64 known = first_gap(verifier);
	uint64 good = verifier->first;
	int last_good = -1;

	if (merkle_read_frontier(verifier->first, TileRead, verifier->tiles, &frontier) != CRYPTO_OK)
	{
		VerifierReport(verifier, "tile missing", 0, verifier->first - 1, NULL,
					   "A tile that covers these positions is not there, or too short.");
		return;
	}
	for (int i = 0; i < verifier->nstates && verifier->states[i].size <= known; i++)
	{
		check_state(verifier, &frontier, &verifier->states[i]);
		if (verifier->states[i].reached)
		{
			last_good = i;
			good = verifier->states[i].size;
		}
	}
	/* What later states agree about was not changed. */
	for (int i = 0; i < last_good; i++)
	{
		if (!verifier->states[i].reached)
			VerifierReport(verifier, "checkpoint changed", NO_POSITION,
						   verifier->states[i].size - 1, NULL,
						   "Its root is not that of the leaves, and later ones are.");
	}
	if (last_good + 1 < verifier->nstates && verifier->states[last_good + 1].size <= known)
		VerifierReport(
			verifier, "tree changed", good, verifier->last - 1, NULL,
			psprintf(
				"The leaves from here on and the roots of %d checkpoints do not belong together.",
				verifier->nstates - 1 - last_good));
	for (int i = 0; i < verifier->wrong_tiles->len / (int) sizeof(WrongTile); i++)
	{
		WrongTile wrong = ((WrongTile *) verifier->wrong_tiles->data)[i];

		if (wrong.end <= good)
			VerifierReport(
				verifier, "tile changed", wrong.index << (wrong.level * TILE_HEIGHT), wrong.end - 1,
				NULL, psprintf("A hash of level %d is not that of the leaves below.", wrong.level));
	}
}
