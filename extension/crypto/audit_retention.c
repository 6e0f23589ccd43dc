/*
 * audit_retention.c
 *		What entries on the retention of the audit log say is gone.
 */
#include <stdlib.h>

#include "crypto/audit_retention.h"

static bool
take(Bytes *text, char expected)
{
	if (text->len == 0 || text->data[0] != (uint8_t) expected)
		return false;
	*text = bytes_view(text->data + 1, text->len - 1);
	return true;
}

/* Digits, of 63 bits. */
static bool
take_number(Bytes *text, uint64_t *number)
{
	size_t i = 0;

	*number = 0;
	for (; i < text->len && text->data[i] >= '0' && text->data[i] <= '9'; i++)
	{
		uint64_t digit = (uint64_t) (text->data[i] - '0');

		if (*number > ((uint64_t) INT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	*text = bytes_view(text->data + i, text->len - i);
	return i > 0;
}

bool
retained_range_next(Bytes *text, RetainedRange *range)
{
	Bytes rest = *text;

	if (!take(&rest, '{') && !take(&rest, ','))
		return false;

	/* None at all. */
	if (take(&rest, '}'))
	{
		*text = rest;
		return false;
	}
	if (!take(&rest, '[') || !take_number(&rest, &range->first) || !take(&rest, ',') ||
		!take_number(&rest, &range->end) || !take(&rest, ')') || range->end <= range->first)
		return false;
	if (rest.len == 1)
		(void) take(&rest, '}');
	*text = rest;
	return true;
}

bool
retained_run_next(Bytes *text, RetainedRun *run)
{
	Bytes rest = *text;
	uint64_t system, first, last;
	bool negative;

	(void) take(&rest, ' ');
	negative = take(&rest, '-');
	if (!take_number(&rest, &system) || !take(&rest, '/') ||
		!take_number(&rest, &run->transaction) || !take(&rest, '/') ||
		!take_number(&rest, &first) || !take(&rest, '-') || !take_number(&rest, &last) ||
		last < first)
		return false;
	/* As bigint shows it. */
	run->system = negative ? 0 - system : system;
	run->first = (int64_t) first;
	run->last = (int64_t) last;
	*text = rest;
	return true;
}

/* ---------------------------------------------------------------- many */

static int
compare_ranges(const void *a, const void *b)
{
	const RetainedRange *left = a, *right = b;

	return left->first < right->first ? -1 : left->first > right->first;
}

size_t
retained_ranges_sort(RetainedRange *ranges, size_t count)
{
	size_t left = 0;

	if (count > 0)
		qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 0; i < count; i++)
	{
		RetainedRange *last = left > 0 ? &ranges[left - 1] : NULL;

		if (last == NULL || ranges[i].first > last->end)
			ranges[left++] = ranges[i];
		else if (ranges[i].end > last->end)
			last->end = ranges[i].end;
	}
	return left;
}

bool
retained_ranges_have(const RetainedRange *ranges, size_t count, uint64_t position)
{
	size_t low = 0, high = count;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (position < ranges[middle].first)
			high = middle;
		else if (position >= ranges[middle].end)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

/* By the transaction, and where a number stands to those of a run: before, in it, or behind. */
static int
compare_place(uint64_t system, uint64_t transaction, int64_t number, const RetainedRun *run)
{
	if (system != run->system)
		return system < run->system ? -1 : 1;
	if (transaction != run->transaction)
		return transaction < run->transaction ? -1 : 1;
	return number < run->first ? -1 : number > run->last;
}

static int
compare_runs(const void *a, const void *b)
{
	const RetainedRun *left = a, *right = b;
	RetainedRun first = *right;

	first.last = first.first;
	return compare_place(left->system, left->transaction, left->first, &first);
}

size_t
retained_runs_sort(RetainedRun *runs, size_t count)
{
	size_t left = 0;

	if (count > 0)
		qsort(runs, count, sizeof(*runs), compare_runs);
	for (size_t i = 0; i < count; i++)
	{
		RetainedRun *last = left > 0 ? &runs[left - 1] : NULL;

		if (last == NULL ||
			compare_place(runs[i].system, runs[i].transaction, runs[i].first, last) != 0)
			runs[left++] = runs[i];
		else if (runs[i].last > last->last)
			last->last = runs[i].last;
	}
	return left;
}

bool
retained_runs_have(const RetainedRun *runs, size_t count, uint64_t system, uint64_t transaction,
				   int64_t number)
{
	size_t low = 0, high = count;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;
		int order = compare_place(system, transaction, number, &runs[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}
