/*
 * stats.c
 *		Statistics on encrypted columns: how many values there are and how
 *		large, nothing of what they are.
 *
 * No common values, no histogram: they would be envelopes, and how often each
 * occurs can name it. The planner makes do with the number of distinct ones.
 */
#include "postgres.h"

#include <math.h>

#include "commands/vacuum.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "base/compat.h"
#include "search/search.h"

static int
compare_prefixes(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

/*
 * The estimator of Haas and Stokes that the server uses, too (analyze.c):
 * n*d / (n - f1 + f1*n/N), of n values of N, d distinct ones, f1 of them once.
 */
static double
estimate_distinct(double sampled, double distinct, double single, double rows)
{
	double estimate;

	if (single == 0)
		return distinct;
	estimate = sampled * distinct / (sampled - single + single * sampled / rows);
	return rint(Min(Max(estimate, distinct), rows));
}

static void
compute_statistics(VacAttrStats *stats, AnalyzeAttrFetchFunc fetch, int count, double rows)
{
	uint64 *prefixes = palloc(Max(count, 1) * sizeof(uint64));
	SearchSite site;
	int nulls = 0;
	int values = 0;
	int tagged = 0;
	double bytes = 0;

	SearchSiteInit(&site, CurrentMemoryContext);
	for (int i = 0; i < count; i++)
	{
		bool isnull;
		Datum value = fetch(stats, i, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (isnull)
		{
			nulls++;
			continue;
		}
		values++;
		bytes += VARSIZE_ANY(DatumGetPointer(value));

		/* Those without a tag would have to be opened, by whoever happens to analyze. */
		if (SearchStoredPrefix(&site, value, &prefixes[tagged]))
			tagged++;
	}
	if (count == 0)
		return;

	stats->stats_valid = true;
	stats->stanullfrac = (float4) nulls / (float4) count;
	stats->stawidth = values > 0 ? (int32) (bytes / values) : 0;
	if (values == 0 || tagged < values)
		stats->stadistinct = 0; /* unknown */
	else
	{
		double distinct = 0;
		double single = 0;
		double not_null = rows * (1.0 - stats->stanullfrac);

		qsort(prefixes, tagged, sizeof(uint64), compare_prefixes);
		for (int i = 0; i < tagged;)
		{
			int next = i + 1;

			while (next < tagged && prefixes[next] == prefixes[i])
				next++;
			distinct++;
			single += next == i + 1;
			i = next;
		}

		/* All different: that is how it will stay. As the server, from a tenth of the rows on. */
		if (single == tagged)
			stats->stadistinct = (float4) - (1.0 - stats->stanullfrac);
		else
		{
			double estimate = estimate_distinct(tagged, distinct, single, Max(not_null, tagged));

			stats->stadistinct = (float4) (estimate > 0.1 * rows ? -(estimate / rows) : estimate);
		}
	}
	pfree(prefixes);
}

/*
 * tarot.search_analyze(internal) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_search_analyze);
Datum
tarot_search_analyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);

	stats->compute_stats = compute_statistics;
	stats->minrows = 300 * compat_statistics_target(stats);
	PG_RETURN_BOOL(true);
}
