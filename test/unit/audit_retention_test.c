/*
 * audit_retention_test.c
 *		crypto/audit_retention.c: what entries say is gone, also where they say it
 *		badly, and whether something is among it.
 */
#include "crypto/audit_retention.h"
#include "unit.h"

static int
ranges_of(const char *text, RetainedRange *ranges, bool *all)
{
	Bytes rest = bytes_of_string(text);
	int count = 0;

	while (count < 8 && retained_range_next(&rest, &ranges[count]))
		count++;
	*all = rest.len == 0;
	return count;
}

static int
runs_of(const char *text, RetainedRun *runs, bool *all)
{
	Bytes rest = bytes_of_string(text);
	int count = 0;

	while (count < 8 && retained_run_next(&rest, &runs[count]))
		count++;
	*all = rest.len == 0;
	return count;
}

static void
test_ranges(void)
{
	static const struct
	{
		const char *text;
		int count;
	} bad[] = {{"", 0},
			   {"{", 0},
			   {"}", 0},
			   {"x", 0},
			   {"[0,1)", 0},
			   {"{[0,", 0},
			   {"{[0,1", 0},
			   {"{[0,1]}", 0},
			   {"{[5,3)}", 0},
			   {"{[5,5)}", 0},
			   {"{[-1,5)}", 0},
			   {"{[0,99999999999999999999)}", 0},
			   {"{[0,9223372036854775808)}", 0},
			   {"{[0,1) ,[2,3)}", 1},
			   {"{[0,1),[2,x)}", 1},
			   {"{[0,1),", 1}};
	RetainedRange ranges[8];
	bool all;

	ok(ranges_of("{[0,817),[820,901)}", ranges, &all) == 2 && all && ranges[0].first == 0 &&
		   ranges[0].end == 817 && ranges[1].first == 820 && ranges[1].end == 901,
	   "ranges are read");
	ok(ranges_of("{}", ranges, &all) == 0 && all, "there may be none");
	ok(ranges_of("{[7,9223372036854775807)}", ranges, &all) == 1 && all &&
		   ranges[0].end == INT64_MAX,
	   "up to the largest position");
	for (size_t i = 0; i < LENGTH(bad); i++)
		ok(ranges_of(bad[i].text, ranges, &all) == bad[i].count && (!all || bad[i].text[0] == '\0'),
		   "%s is not", bad[i].text);
}

static void
test_runs(void)
{
	static const struct
	{
		const char *text;
		int count;
	} bad[] = {{"1", 0},       {"1/2", 0},      {"1/2/3", 0},           {"1/2/3-", 0},
			   {"1/2/3-2", 0}, {"/2/3-3", 0},   {"1/-2/3-3", 0},        {"1/2/-3-3", 0},
			   {"x/2/3-3", 0}, {"1/2/3-3,", 1}, {"1/2/3-3  1/2/4-4", 1}};
	RetainedRun runs[8];
	bool all;

	ok(runs_of("7711041451405767246/4711/1-3 -5/4712/7-7", runs, &all) == 2 && all &&
		   runs[0].system == UINT64_C(7711041451405767246) && runs[0].transaction == 4711 &&
		   runs[0].first == 1 && runs[0].last == 3 && runs[1].system == (uint64_t) -5 &&
		   runs[1].first == 7 && runs[1].last == 7,
	   "runs are read, of a system of any number");
	ok(runs_of("", runs, &all) == 0 && all, "there may be none");
	for (size_t i = 0; i < LENGTH(bad); i++)
		ok(runs_of(bad[i].text, runs, &all) == bad[i].count && !all, "%s is not", bad[i].text);
}

static void
test_among(void)
{
	RetainedRange ranges[] = {{20, 25}, {3, 5}, {5, 7}, {22, 23}, {30, 31}, {21, 28}};
	RetainedRun runs[] = {{2, 1, 5, 9}, {1, 9, 1, 1}, {1, 7, 4, 6}, {1, 7, 5, 8}, {1, 7, 4, 5}};
	size_t nranges = retained_ranges_sort(ranges, 6);
	size_t nruns = retained_runs_sort(runs, 5);
	bool good = true;

	ok(nranges == 3, "ranges that touch are one");
	for (uint64_t p = 0; p < 40; p++)
		good &= retained_ranges_have(ranges, nranges, p) ==
				((p >= 3 && p < 7) || (p >= 20 && p < 28) || p == 30);
	ok(good, "each position is found, and no other");
	good = true;
	for (uint64_t system = 0; system < 4; system++)
	{
		for (uint64_t transaction = 0; transaction < 12; transaction++)
		{
			for (int64_t n = 0; n < 12; n++)
			{
				bool is = (system == 2 && transaction == 1 && n >= 5 && n <= 9) ||
						  (system == 1 && transaction == 9 && n == 1) ||
						  (system == 1 && transaction == 7 && n >= 4 && n <= 8);

				good &= retained_runs_have(runs, nruns, system, transaction, n) == is;
			}
		}
	}
	ok(good, "so is each entry");
	ok(!retained_ranges_have(NULL, retained_ranges_sort(NULL, 0), 0) &&
		   !retained_runs_have(NULL, retained_runs_sort(NULL, 0), 0, 0, 0),
	   "nothing has nothing");
}

int
main(void)
{
	begin();
	test_ranges();
	test_runs();
	test_among();
	return end();
}
