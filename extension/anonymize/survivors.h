/*
 * survivors.h
 *		Whether raw values are still there: of a column that was masked, in any
 *		column.
 *
 * Of the raw values only keyed hashes are kept, in a Bloom filter of bounded
 * size: what is not in it is none. What seems to be one is confirmed by reading
 * the raw values once more, so that few are counted that are none.
 */
#ifndef TAROT_ANONYMIZE_SURVIVORS_H
#define TAROT_ANONYMIZE_SURVIVORS_H

#include "anonymize/job.h"
#include "base/bytes.h"

/* Shorter ones are found everywhere. */
#define SURVIVOR_MIN_BYTES 4

/* For about so many of them, in so many kB. */
extern Survivors *SurvivorsCreate(int64 values, int memory);

/* A raw value. */
extern void SurvivorsAdd(Survivors *survivors, Bytes value);

/* A value as it is now: it as a whole, and each of its words. */
extern void SurvivorsSearch(Survivors *survivors, Bytes value, bool words, int column);

/* Whether there is anything to confirm. */
extern bool SurvivorsSuspected(const Survivors *survivors);

/* Whether it must be done before more is searched: there is no room for more. */
extern bool SurvivorsCrowded(const Survivors *survivors);

/* Each raw value again; and then forgets those that were suspected and are none. */
extern void SurvivorsConfirm(Survivors *survivors, Bytes value);
extern void SurvivorsAcquit(Survivors *survivors);

/* In how many places of the column one was found, of those that are confirmed. */
extern int64 SurvivorsFound(const Survivors *survivors, int column);

#endif
