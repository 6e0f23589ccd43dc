/*
 * standing.h
 *		Whether the bearer of an authentic token is still welcome: revocations,
 *		and the status of principals.
 */
#ifndef TAROT_IDENTITY_STANDING_H
#define TAROT_IDENTITY_STANDING_H

#include "identity/verify.h"

typedef enum Standing
{
	STANDING_GOOD,
	STANDING_TOKEN_REVOKED,
	STANDING_SUSPENDED,
	STANDING_BANNED,
	STANDING_DELETED,
} Standing;

/* Grows when anybody was revoked or changed status, in any session. */
extern uint64 StandingEpoch;

extern Standing StandingOf(const VerifiedToken *token);

/* "revoked": a word as tarot.check_jwt() gives it; "valid" for who is in good standing. */
extern const char *StandingName(Standing standing);

/* Raises unless it is good, the bearer of the token being whom it is about. */
extern void StandingRequire(Standing standing, const VerifiedToken *token);

#endif
