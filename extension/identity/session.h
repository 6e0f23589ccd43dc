/*
 * session.h
 *		Who the session is, by a verified token: the one identity that all other
 *		floors ask.
 */
#ifndef TAROT_IDENTITY_SESSION_H
#define TAROT_IDENTITY_SESSION_H

#include "identity/issuer.h"
#include "token/json.h"

/* Grows with every change of the session's identity, also by the end of a transaction. */
extern uint64 IdentityEpoch;

/*
 * "sub" behind its issuer's prefix, in UTF-8; len 0 while nobody has
 * authenticated, or where there is none. Raises when the token has expired
 * meanwhile, was revoked, or its bearer is no longer welcome.
 */
extern Bytes IdentitySubject(void);

/*
 * Whether anybody has authenticated; raises as above, at each call. `now` is a
 * time, as jwt.h counts, that is less than VERIFY_CLOCK_LAG ago.
 */
extern bool IdentityHolds(int64 *now);

/* Whose token it was, and one of its claims, or NULL; after IdentityHolds has said yes. */
extern const Issuer *IdentityIssuer(void);
extern const JsonValue *IdentityClaim(const char *name);

extern void IdentityInit(void);

/* ---------------------------------------------------------------- authenticate.c */

extern void AuthenticateInit(void);

#endif
