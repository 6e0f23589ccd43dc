/*
 * absence.h
 *		Entries of the log that are gone, and details that were erased: what entries tell of
 *		them, and which of these are believed.
 */
#ifndef TAROT_PROGRAM_ABSENCE_H
#define TAROT_PROGRAM_ABSENCE_H

#include "crypto/audit_leaf.h"
#include "crypto/merkle.h"

/* Of the entry at this position nothing but its leaf is there. */
extern void absence_note_gone(uint64_t position);

/* Its details are not there. */
extern void absence_note_erased(uint64_t position, const AuditLeaf *entry);

/* It tells of what was dropped or erased, by this document. It is as it was sealed; whether that
 * was signed is known later. */
extern void absence_note_teller(uint64_t position, Bytes document);

/* One that holds. They come in the order of their sizes. */
extern void absence_note_checkpoint(uint64_t size, const MerkleHash *root);

/*
 * Finds what no entry before `proved` tells of, unless that is allowed. Returns how
 * many entries are gone as is told.
 */
extern uint64_t absence_check(uint64_t proved, bool allowed);

#endif
