/*
 * audit_retention.h
 *		What entries on the retention of the audit log say is gone: positions of
 *		the tree, and entries whose details were erased.
 *
 * docs/formats.md has both. The bytes may be hostile: who can write to the log
 * can write such an entry.
 */
#ifndef TAROT_CRYPTO_AUDIT_RETENTION_H
#define TAROT_CRYPTO_AUDIT_RETENTION_H

#include "base/bytes.h"

/* The operation of such entries. */
#define AUDIT_RETENTION_OPERATION 'R'

/* Positions from `first` to before `end`. */
typedef struct RetainedRange
{
	uint64_t first;
	uint64_t end;
} RetainedRange;

/* Entries of a transaction with consecutive numbers. */
typedef struct RetainedRun
{
	uint64_t system;
	uint64_t transaction;
	int64_t first;
	int64_t last;
} RetainedRun;

/*
 * Takes the first range off "{[0,817),[820,901)}", which is an int8multirange of
 * PostgreSQL, or the first run off "7711041451405767246/4711/1-3 ..." (system, transaction,
 * numbers). False at the end; what is left then is empty unless it is malformed.
 */
extern bool retained_range_next(Bytes *text, RetainedRange *range);
extern bool retained_run_next(Bytes *text, RetainedRun *run);

/* In order, and apart from each other; the result is how many are left. */
extern size_t retained_ranges_sort(RetainedRange *ranges, size_t count);
extern size_t retained_runs_sort(RetainedRun *runs, size_t count);

/* Whether one of them has it; they are sorted. */
extern bool retained_ranges_have(const RetainedRange *ranges, size_t count, uint64_t position);
extern bool retained_runs_have(const RetainedRun *runs, size_t count, uint64_t system,
							   uint64_t transaction, int64_t number);

#endif
