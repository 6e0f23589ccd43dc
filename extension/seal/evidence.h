/*
 * evidence.h
 *		What sealed entries of the audit log say was dropped or erased: for
 *		whoever finds it gone.
 *
 * Such an entry counts for what was sealed before it, and only if its leaf is in
 * the tree. Who forges one has to have it sealed, and so on record for good.
 */
#ifndef TAROT_SEAL_EVIDENCE_H
#define TAROT_SEAL_EVIDENCE_H

#include "crypto/audit_retention.h"
#include "seal/proved.h"

typedef struct Claims
{
	RetainedRange *ranges; /* in order, apart, once all were taken */
	size_t nranges, range_room;
	RetainedRun *runs;
	size_t nruns, run_room;
} Claims;

typedef struct Evidence
{
	ProvedTree tree;
	Claims proved;
	Claims unsealed; /* by entries that are still to be sealed */
} Evidence;

/* In the current memory context. */
extern void EvidenceOpen(Evidence *evidence, TileStore *tiles, uint64 size, const MerkleHash *root);

/* An entry of AUDIT_RETENTION_OPERATION, and its hash. */
extern void EvidenceTake(Evidence *evidence, const LogEntry *entry, const MerkleHash *hash);

/* All were taken. */
extern void EvidenceSort(Evidence *evidence);

extern bool ClaimsDropped(const Claims *claims, uint64 position);
extern bool ClaimsErased(const Claims *claims, const EntryId *id);

#endif
