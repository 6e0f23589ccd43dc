/*
 * verify.h
 *		Tokens of the issuers that this database trusts.
 */
#ifndef TAROT_IDENTITY_VERIFY_H
#define TAROT_IDENTITY_VERIFY_H

#include <time.h>

#include "datatype/timestamp.h"

#include "base/compat.h"

#include "identity/issuer.h"

/* What was verified; good until the next call. */
typedef struct VerifiedToken
{
	const Issuer *issuer;
	JwtTimes times;
	Bytes subject;   /* "sub"; len 0 where there is none */
	Bytes id;        /* "jti"; likewise */
	Bytes claims;    /* a JSON object in UTF-8, strictly read */
	uint64 *good_in; /* the StandingEpoch in which its bearer was last found welcome; or NULL */
} VerifiedToken;

/* Raises what is wrong with the token, and unless its bearer is in good standing. */
extern void VerifyRequire(Bytes token, VerifiedToken *verified);

/* Raises what is wrong, under the code of its own; never a part of the token. */
pg_noreturn extern void VerifyRaise(JwtStatus status);

/* Claims that were verified; palloc'd. */
extern const JsonValue *VerifyReadClaims(Bytes claims);

/* Who the bearer is: "sub", where there is one, behind its issuer's prefix; perhaps palloc'd. */
static inline Bytes
VerifySubject(Bytes prefix, Bytes subject)
{
	uint8 *whole;

	if (prefix.len == 0 || subject.len == 0)
		return subject;
	whole = palloc(prefix.len + subject.len);
	memcpy(whole, prefix.data, prefix.len);
	memcpy(whole + prefix.len, subject.data, subject.len);
	return bytes_view(whole, prefix.len + subject.len);
}

/* An object as jsonb. Raises when a character has no spelling in the database's encoding. */
extern Datum VerifyClaimsAsJsonb(const JsonValue *claims);

/* Microseconds since 1970-01-01 00:00 UTC, as jwt.h counts. */
extern int64 VerifyClock(void);

/* How far the clock below may be behind that. */
#define VERIFY_CLOCK_LAG INT64CONST(1000000)

/*
 * A clock that the kernel turns on with its ticks: it costs a fifth of the real
 * one, and is behind it by milliseconds.
 */
static inline int64
VerifyCoarseClock(void)
{
#ifdef CLOCK_REALTIME_COARSE
	struct timespec time;

	if (likely(clock_gettime(CLOCK_REALTIME_COARSE, &time) == 0))
		return (int64) time.tv_sec * USECS_PER_SEC + time.tv_nsec / 1000;
#endif
	return VerifyClock();
}

/*
 * Whether a time is still to come. The real clock has to be read near it alone.
 */
static inline bool
VerifyIsAhead(int64 time)
{
	return likely(VerifyCoarseClock() < time - VERIFY_CLOCK_LAG) || VerifyClock() < time;
}

#endif
