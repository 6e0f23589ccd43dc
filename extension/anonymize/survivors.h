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

extern Survivors *SurvivorsCreate(int64 values, int memory);

/* A raw value. */
extern void SurvivorsAdd(Survivors *survivors, Bytes value);

/* A value as it is now: it as a whole, and each of its words. */
extern void SurvivorsSearch(Survivors *survivors, Bytes value, bool words, int column);

/* Whether there is anything to confirm. */
extern bool SurvivorsSuspected(const Survivors *survivors);

/* Each raw value again. */
extern void SurvivorsConfirm(Survivors *survivors, Bytes value);

/* In how many places of the column one was found; of confirmed ones. */
extern int64 SurvivorsFound(const Survivors *survivors, int column);

#endif
