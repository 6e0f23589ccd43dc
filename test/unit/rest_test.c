/*
 * rest_test.c
 *		jobs/rest.h: the share of the time that jobs are at work, by any clock.
 */
#include "jobs/rest.h"
#include "unit.h"

#define BATCHES 1000

/* The share that work has of work and rest, of batches that take so long each. */
static double
share_of(double worked, double share)
{
	double owed = 0;
	double rested = 0;

	for (int i = 0; i < BATCHES; i++)
		rested += (double) rest_after(worked, share, &owed);
	return BATCHES * worked / (BATCHES * worked + rested);
}

int
main(void)
{
	static const double shares[] = {0.01, 0.1, 0.25, 0.5, 0.9, 1};
	static const double batches[] = {0.01, 0.4, 0.999, 1, 1.9, 7.3, 50, 10000};
	double owed = 0;

	begin();
	for (size_t i = 0; i < LENGTH(shares); i++)
	{
		for (size_t j = 0; j < LENGTH(batches); j++)
		{
			double share = share_of(batches[j], shares[i]);

			/* One millisecond of all rests may still be owed. */
			ok(share > shares[i] - 1e-9 && share <= 1.01 * shares[i] + 1 / (BATCHES * batches[j]),
			   "share %.2f with batches of %.3f ms: %.4f", shares[i], batches[j], share);
		}
	}
	ok(rest_after(50, 0.5, &owed) == 50 && owed == 0, "as long as the batch took");
	ok(rest_after(50, 0.2, &owed) == 200, "four times as long");
	ok(rest_after(50, 1, &owed) == 0, "not at all");
	ok(rest_after(0, 0.01, &owed) == 0, "after nothing nothing");
	ok(rest_after(1e12, 0.01, &owed) == (long) REST_MAX && owed == 0,
	   "no rest is longer than a day");
	return end();
}
