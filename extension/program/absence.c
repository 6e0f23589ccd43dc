/*
 * absence.c
 *		Entries of the log that are gone, and details that were erased: what entries tell of
 *		them, and which of these are believed.
 */
#include <inttypes.h>
#include <string.h>

#include "crypto/audit_retention.h"
#include "program/absence.h"
#include "program/line.h"
#include "program/tell.h"

/* An entry that tells what was dropped or erased. */
typedef struct Teller
{
	uint64_t position;
	uint64_t size; /* of the tree then; 0: it does not say */
	MerkleHash root;
	Bytes positions, erased;
} Teller;

/* Details that are not there. */
typedef struct Erased
{
	uint64_t position;
	uint64_t system, transaction;
	int64_t number;
} Erased;

/* A checkpoint that holds. */
typedef struct Held
{
	uint64_t size;
	MerkleHash root;
} Held;

/* What is gone, who tells of it, and what tellers can be believed by. */
static LIST(RetainedRange) gone;
static LIST(Erased) erased;
static LIST(Teller) tellers;
static LIST(Held) held;

/* What those who are believed say. */
static LIST(RetainedRange) dropped;
static LIST(RetainedRun) erasures;

/* ---------------------------------------------------------------- noting */

void
absence_note_gone(uint64_t position)
{
	if (gone.count > 0 && gone.items[gone.count - 1].end == position)
	{
		gone.items[gone.count - 1].end++;
		return;
	}
	LIST_GROW(gone);
	gone.items[gone.count++] = (RetainedRange){position, position + 1};
}

void
absence_note_erased(uint64_t position, const AuditLeaf *entry)
{
	LIST_GROW(erased);
	erased.items[erased.count++] =
		(Erased){position, entry->system, entry->transaction, entry->number};
}

static Bytes
copy_of(Bytes text)
{
	uint8_t *copy = must(malloc(text.len + 1));

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	return bytes_view(copy, text.len);
}

/* It is as it was sealed; whether that was signed is known later. */
void
absence_note_teller(uint64_t position, Bytes document)
{
	JsonValue values[64];
	uint8_t *strings = must(malloc(document.len + 1));
	Teller teller = {.position = position};
	Bytes root;

	if (document.data != NULL && json_read(document, values, 64, strings) == JSON_OK &&
		line_text(values, "positions", &teller.positions) &&
		line_text(values, "erased", &teller.erased) && line_text(values, "root", &root))
	{
		if (!line_number(values, "size", &teller.size) || root.data == NULL ||
			!line_hex(root, teller.root.bytes, NULL))
			teller.size = 0;
		teller.positions = copy_of(teller.positions);
		teller.erased = copy_of(teller.erased);
		LIST_GROW(tellers);
		tellers.items[tellers.count++] = teller;
	}
	free(strings);
}

void
absence_note_checkpoint(uint64_t size, const MerkleHash *root)
{
	LIST_GROW(held);
	held.items[held.count++] = (Held){size, *root};
}

/* ---------------------------------------------------------------- checking */

/* Checkpoints come in the order of their sizes. */
static bool
is_held(uint64_t size, const MerkleHash *root)
{
	size_t low = 0, high = held.count;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (held.items[middle].size < size)
			low = middle + 1;
		else
			high = middle;
	}
	return low < held.count && held.items[low].size == size &&
		   memcmp(&held.items[low].root, root, sizeof(*root)) == 0;
}

/* As the server takes it (seal/evidence.c): covered by a signature, of this log, of what was before
 * it. */
static void
believe(const Teller *teller, uint64_t proved)
{
	Bytes text = teller->positions;
	RetainedRange range;
	RetainedRun run;

	if (teller->position >= proved)
		return;
	if (teller->size > 0 && teller->size <= teller->position &&
		is_held(teller->size, &teller->root))
	{
		while (retained_range_next(&text, &range))
		{
			if (range.end > teller->position)
				continue;
			LIST_GROW(dropped);
			dropped.items[dropped.count++] = range;
		}
	}
	text = teller->erased;
	while (retained_run_next(&text, &run))
	{
		LIST_GROW(erasures);
		erasures.items[erasures.count++] = run;
	}
}

static void
found_absence(const char *absence, uint64_t first, uint64_t end)
{
	found("%s: %" PRIu64 " from position %" PRIu64 " on", absence, end - first, first);
}

static uint64_t
check_gone(bool allowed)
{
	uint64_t told_of = 0;

	for (size_t i = 0; i < gone.count; i++)
	{
		uint64_t position = gone.items[i].first;

		while (position < gone.items[i].end)
		{
			uint64_t first = position++;
			bool told = retained_ranges_have(dropped.items, dropped.count, first);

			while (position < gone.items[i].end &&
				   retained_ranges_have(dropped.items, dropped.count, position) == told)
				position++;
			if (told)
				told_of += position - first;
			else if (!allowed)
				found_absence("entries gone", first, position);
		}
	}
	return told_of;
}

static bool
is_told(const Erased *entry)
{
	return retained_runs_have(erasures.items, erasures.count, entry->system, entry->transaction,
							  entry->number);
}

static void
check_erased(bool allowed)
{
	size_t i = 0;

	while (i < erased.count)
	{
		size_t first = i++;

		if (allowed || is_told(&erased.items[first]))
			continue;
		while (i < erased.count &&
			   erased.items[i].position == erased.items[first].position + (i - first) &&
			   !is_told(&erased.items[i]))
			i++;
		found_absence("details erased", erased.items[first].position,
					  erased.items[first].position + (i - first));
	}
}

uint64_t
absence_check(uint64_t proved, bool allowed)
{
	uint64_t told_of;

	for (size_t i = 0; i < tellers.count; i++)
		believe(&tellers.items[i], proved);
	dropped.count = retained_ranges_sort(dropped.items, dropped.count);
	erasures.count = retained_runs_sort(erasures.items, erasures.count);
	told_of = check_gone(allowed);
	check_erased(allowed);
	return told_of;
}
