/*
 * frontier.h
 *		Where in a partition of the audit log sealing begins to read.
 *
 * Entries are appended: a batch of them goes into the page that is the last one
 * when it begins, and into new ones after it (trail/pending.c). So when the
 * number of pages is N, and all transactions that have begun to write before
 * that have ended, and what they wrote is sealed, then nothing new comes into
 * the pages before N - 1.
 *
 * Tables can also become shorter: VACUUM cuts off empty pages at the end, and a
 * crash those that had nothing durable in them. Therefore it is not N that is
 * kept but an entry before it, the anchor. While it lies where it was, no page
 * up to its own was cut off. Where it does not, or the table was rewritten, all
 * is read again; nothing but speed rests on any of this.
 */
#ifndef TAROT_SEAL_FRONTIER_H
#define TAROT_SEAL_FRONTIER_H

#include "access/transam.h"

#include "seal/log.h"

typedef struct Anchor
{
	ItemPointerData at; /* invalid: none */
	EntryId id;
} Anchor;

typedef struct Frontier
{
	bool stored;  /* there is a row */
	Anchor floor; /* what lies before its page is sealed */
	Anchor next;  /* takes its place when all transactions before `horizon` have ended */
	FullTransactionId horizon;
	bool passed;  /* it has */
	Anchor found; /* the last entry that was seen, of those in the pages that were there */
} Frontier;

/*
 * The first page to read; 0: all. `settled`: what is not sealed is of no
 * transaction before this one. By SPI, as FrontierSave().
 */
extern BlockNumber
FrontierOpen(Frontier *frontier, const LogPartition *partition, FullTransactionId settled);

/* An entry was seen. */
extern void FrontierSee(Frontier *frontier, const LogPartition *partition, const LogEntry *entry);

/* All was read. `horizon`: the next transaction when the partition had partition->blocks pages, or
 * later. */
extern void
FrontierSave(Frontier *frontier, const LogPartition *partition, FullTransactionId horizon);

#endif
