/*
 * evidence.c
 *		What sealed entries of the audit log say was dropped or erased.
 */
#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "base/varlena.h"
#include "keys/root.h"
#include "seal/evidence.h"

#define FIRST_ROOM 16

void
EvidenceOpen(Evidence *evidence, TileStore *tiles, uint64 size, const MerkleHash *root)
{
	memset(evidence, 0, sizeof(*evidence));
	ProvedTreeOpen(&evidence->tree, tiles, size, root);
}

/* ---------------------------------------------------------------- what one says */

/* A string of the entry's document; of no bytes where there is none. */
static Bytes
member(Jsonb *document, const char *name)
{
	JsonbValue *value;

	if (!JB_ROOT_IS_OBJECT(document))
		return bytes_view(NULL, 0);
	value = getKeyJsonValueFromContainer(&document->root, name, (int) strlen(name), NULL);
	if (value == NULL || value->type != jbvString)
		return bytes_view(NULL, 0);
	return bytes_view(value->val.string.val, (size_t) value->val.string.len);
}

static bool
read_size(Bytes text, uint64 *size)
{
	*size = 0;
	for (size_t i = 0; i < text.len; i++)
	{
		uint8 digit = (uint8) (text.data[i] - '0');

		if (digit > 9 || *size > MERKLE_SIZE_MAX / 10)
			return false;
		*size = *size * 10 + digit;
	}
	return text.len > 0;
}

static bool
read_root(Bytes text, MerkleHash *root)
{
	static const char digits[] = "0123456789abcdef";

	if (text.len != 2 * sizeof(*root))
		return false;
	for (size_t i = 0; i < text.len; i++)
	{
		const char *digit = text.data[i] != 0 ? strchr(digits, text.data[i]) : NULL;

		if (digit == NULL)
			return false;
		root->bytes[i / 2] = (uint8) (root->bytes[i / 2] << 4 | (digit - digits));
	}
	return true;
}

/* Of this log, and of what it had then: the tree of that size has that root. */
static bool
is_of_tree(const Evidence *evidence, Jsonb *document, uint64 position)
{
	uint64 size;
	MerkleHash root = {0};

	return read_size(member(document, "size"), &size) && size > 0 && size <= position &&
		   read_root(member(document, "root"), &root) &&
		   TileRootIs(evidence->tree.tiles, size, &root);
}

static void
add_ranges(Claims *claims, Bytes text, uint64 end)
{
	RetainedRange range;

	while (retained_range_next(&text, &range))
	{
		if (range.end > end)
			continue;
		if (claims->nranges == claims->range_room)
		{
			claims->range_room = Max(FIRST_ROOM, 2 * claims->range_room);
			claims->ranges =
				claims->ranges == NULL
					? palloc(sizeof(RetainedRange) * claims->range_room)
					: repalloc_huge(claims->ranges, sizeof(RetainedRange) * claims->range_room);
		}
		claims->ranges[claims->nranges++] = range;
	}
}

static void
add_runs(Claims *claims, Bytes text)
{
	RetainedRun run;

	while (retained_run_next(&text, &run))
	{
		if (claims->nruns == claims->run_room)
		{
			claims->run_room = Max(FIRST_ROOM, 2 * claims->run_room);
			claims->runs =
				claims->runs == NULL
					? palloc(sizeof(RetainedRun) * claims->run_room)
					: repalloc_huge(claims->runs, sizeof(RetainedRun) * claims->run_room);
		}
		claims->runs[claims->nruns++] = run;
	}
}

void
EvidenceTake(Evidence *evidence, const LogEntry *entry, const MerkleHash *hash)
{
	MemoryContext outer = CurrentMemoryContext;
	ProvedTree *tree = &evidence->tree;
	uint64 position = tree->size;
	Claims *claims = &evidence->unsealed;
	int64 found = TileFind(tree->tiles, &entry->id);
	Jsonb *document;

	if (entry->entry.nulls[LEAF_NEW])
		return;
	if (found >= 0)
	{
		MerkleHash leaf;
		EntryId id;

		position = (uint64) found;
		if (!ProvedTreeLeaf(tree, position, &id, &leaf) || memcmp(&leaf, hash, sizeof(leaf)) != 0)
			return;
		claims = &evidence->proved;
	}
	document = DatumGetJsonbP(entry->entry.values[LEAF_NEW]);
	/* What it says is kept where the tree's tiles are. */
	MemoryContextSwitchTo(GetMemoryChunkContext(tree->tiles));
	if (member(document, "positions").len > 0 && is_of_tree(evidence, document, position))
		add_ranges(claims, member(document, "positions"), position);
	add_runs(claims, member(document, "erased"));
	MemoryContextSwitchTo(outer);
}

/* ---------------------------------------------------------------- what all say */

static void
sort_claims(Claims *claims)
{
	claims->nranges = retained_ranges_sort(claims->ranges, claims->nranges);
	claims->nruns = retained_runs_sort(claims->runs, claims->nruns);
}

void
EvidenceSort(Evidence *evidence)
{
	sort_claims(&evidence->proved);
	sort_claims(&evidence->unsealed);
}

bool
ClaimsDropped(const Claims *claims, uint64 position)
{
	return retained_ranges_have(claims->ranges, claims->nranges, position);
}

bool
ClaimsErased(const Claims *claims, const EntryId *id)
{
	return retained_runs_have(claims->runs, claims->nruns, id->system, id->transaction, id->number);
}
