/*
 * verify_gone.c
 *		Entries and details that are gone: lawfully, as an entry that is sealed
 *		tells, or not. By verify.c.
 *
 * What was dropped or erased by tarot.drop_audit_partitions() and
 * tarot.erase_audit_details() is one finding in all, for it is no fault.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "seal/verifier.h"

/* Who says that something is gone. */
typedef enum Teller
{
	TOLD_BY_NOBODY,
	TOLD_BY_UNSEALED,
	TOLD_BY_SEALED,
} Teller;

/* What all sealed entries together account for. */
typedef struct Lawful
{
	uint64 count, first, last;
} Lawful;

static void
add_lawful(Lawful *lawful, uint64 first, uint64 last)
{
	if (lawful->count == 0)
		lawful->first = first;
	lawful->last = last;
	lawful->count += last - first + 1;
}

static void
report_unlawful(Verifier *verifier, const char *finding, const char *what, const char *done,
				Teller teller, uint64 first, uint64 last)
{
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfo(&detail, "%s%llu entries that were sealed are not there.", what,
					 (unsigned long long) (last - first + 1));
	if (teller == TOLD_BY_UNSEALED)
		appendStringInfo(&detail, " An entry that is not sealed yet says that they were %s.", done);
	VerifierReport(verifier, finding, first, last, &VerifierAt(verifier, first)->id, detail.data);
}

/* ---------------------------------------------------------------- entries */

static bool
is_missing(const Verifier *verifier, uint64 position)
{
	const Position *at = VerifierAt(verifier, position);

	return at->stored && !at->seen;
}

static Teller
who_tells_dropped(const Verifier *verifier, uint64 position)
{
	if (ClaimsDropped(&verifier->evidence.proved, position))
		return TOLD_BY_SEALED;
	return ClaimsDropped(&verifier->evidence.unsealed, position) ? TOLD_BY_UNSEALED
																 : TOLD_BY_NOBODY;
}

void
VerifierReportMissing(Verifier *verifier)
{
	Lawful dropped = {0};
	uint64 p = verifier->first;

	while (p < verifier->last)
	{
		uint64 from = p++;
		Teller teller;

		if (!is_missing(verifier, from))
			continue;
		teller = who_tells_dropped(verifier, from);
		while (p < verifier->last && is_missing(verifier, p) &&
			   who_tells_dropped(verifier, p) == teller)
			p++;
		if (teller == TOLD_BY_SEALED)
			add_lawful(&dropped, from, p - 1);
		else
			report_unlawful(verifier, "entry missing", "", "dropped", teller, from, p - 1);
	}
	if (dropped.count > 0)
		VerifierReport(
			verifier, "dropped", dropped.first, dropped.last, NULL,
			psprintf("%llu entries, as sealed entries tell.", (unsigned long long) dropped.count));
}

/* ---------------------------------------------------------------- details */

void
VerifierNoteErased(Verifier *verifier, uint64 position)
{
	if (verifier->nerased == verifier->erased_room)
	{
		Size size;

		verifier->erased_room = Max(16, 2 * verifier->erased_room);
		size = sizeof(uint64) * verifier->erased_room;
		verifier->erased =
			verifier->erased == NULL
				? MemoryContextAllocHuge(GetMemoryChunkContext(verifier->positions), size)
				: repalloc_huge(verifier->erased, size);
	}
	verifier->erased[verifier->nerased++] = position;
}

static int
compare_positions(const void *a, const void *b)
{
	uint64 left = *(const uint64 *) a, right = *(const uint64 *) b;

	return left < right ? -1 : left > right;
}

static Teller
who_tells_erased(const Verifier *verifier, uint64 position)
{
	const EntryId *id = &VerifierAt(verifier, position)->id;

	if (ClaimsErased(&verifier->evidence.proved, id))
		return TOLD_BY_SEALED;
	return ClaimsErased(&verifier->evidence.unsealed, id) ? TOLD_BY_UNSEALED : TOLD_BY_NOBODY;
}

void
VerifierReportErased(Verifier *verifier)
{
	Lawful erased = {0};
	size_t i = 0;

	qsort(verifier->erased, verifier->nerased, sizeof(uint64), compare_positions);
	while (i < verifier->nerased)
	{
		size_t from = i++;
		uint64 first = verifier->erased[from];
		Teller teller = who_tells_erased(verifier, first);

		while (i < verifier->nerased && verifier->erased[i] == first + (i - from) &&
			   who_tells_erased(verifier, verifier->erased[i]) == teller)
			i++;
		if (teller == TOLD_BY_SEALED)
			add_lawful(&erased, first, first + (i - from) - 1);
		else
			report_unlawful(verifier, "details missing", "Key, old and new of ", "erased", teller,
							first, first + (i - from) - 1);
	}
	if (erased.count > 0)
		VerifierReport(verifier, "details erased", erased.first, erased.last, NULL,
					   psprintf("Key, old and new of %llu entries, as sealed entries tell.",
								(unsigned long long) erased.count));
}
