/*
 * rest.h
 *		How long jobs rest beside others.
 */
#ifndef TAROT_JOBS_REST_H
#define TAROT_JOBS_REST_H

/* In milliseconds: a day. */
#define REST_MAX (24.0 * 60 * 60 * 1000)

/*
 * Whole milliseconds of rest after so many of work, by which the work is that share of the time.
 * What is less than one is owed, so that the share is kept with short batches, too.
 */
static inline long
rest_after(double worked, double share, double *owed)
{
	double rest = *owed + worked * (1 / share - 1);
	long whole;

	if (rest > REST_MAX)
		rest = REST_MAX;
	whole = (long) rest;
	*owed = rest - (double) whole;
	return whole;
}

#endif
