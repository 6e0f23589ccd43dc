/*
 * verifier.h
 *		Verifying the audit log: what its parts share.
 */
#ifndef TAROT_SEAL_VERIFIER_H
#define TAROT_SEAL_VERIFIER_H

#include "lib/stringinfo.h"
#include "nodes/execnodes.h"

#include "seal/evidence.h"
#include "seal/state.h"

/* Of a finding that is about none, or has no end. */
#define NO_POSITION PG_INT64_MAX

/* What is known of a position. */
typedef struct Position
{
	EntryId id;
	MerkleHash leaf;
	bool stored; /* its tile has it */
	bool seen;   /* so has the log */
} Position;

/* An entry that does not have the hash that its leaf has. */
typedef struct Mismatch
{
	uint64 position;
	MerkleHash hash; /* the entry's */
	bool leaf_is_wrong;
	bool is_elsewhere; /* another position has the leaf of it */
} Mismatch;

typedef struct SealedRoot
{
	uint64 size;
	uint64 system;
	MerkleHash root;
	bool reached;
} SealedRoot;

typedef struct Verifier
{
	ReturnSetInfo *result;
	TileStore *tiles;
	uint64 first, last; /* positions from, to before */
	bool whole;         /* all that there is */
	Position *positions;
	uint64 *by_id;

	SealedRoot *states; /* behind `first`, to `last` */
	int nstates;
	SealState sealed;
	Datum now;

	Mismatch *mismatches;
	size_t nmismatches, mismatch_room;
	uint64 unsealed;
	uint64 inserted; /* consecutive ones, not reported yet */
	EntryId inserted_first, inserted_last;
	const char *inserted_why;

	Evidence evidence;
	uint64 *erased; /* positions of entries without details, in order when all were seen */
	size_t nerased, erased_room;

	/* Hashes above the leaves, in tiles, that are not what they must be. */
	StringInfo wrong_tiles;
} Verifier;

static inline Position *
VerifierAt(const Verifier *verifier, uint64 position)
{
	return &verifier->positions[position - verifier->first];
}

/* A row of what tarot.verify_audit() tells; `id` may be NULL. */
extern void VerifierReport(Verifier *verifier, const char *finding, uint64 first, uint64 last,
						   const EntryId *id, const char *detail);

extern void VerifierCheckTree(Verifier *verifier);

/* An entry whose details are gone, at its position. */
extern void VerifierNoteErased(Verifier *verifier, uint64 position);

/* What is gone, and whether it is told by entries that are sealed. */
extern void VerifierReportErased(Verifier *verifier);
extern void VerifierReportMissing(Verifier *verifier);

#endif
