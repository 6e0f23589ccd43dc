/*
 * session.h
 *		Who the session is, by a verified token: the one identity that all other
 *		floors ask.
 */
#ifndef TAROT_IDENTITY_SESSION_H
#define TAROT_IDENTITY_SESSION_H

#include "base/bytes.h"
#include "token/json.h"

/* Grows with every change of the session's identity, also by the end of a transaction. */
extern uint64 IdentityEpoch;

/* Whether there is one, whatever it is still worth. */
extern bool IdentityIsSet(void);

/*
 * The verified claims, or NULL while nobody has authenticated. Raises when the
 * token has expired meanwhile, was revoked, or its bearer is no longer welcome.
 */
extern const JsonValue *IdentityClaims(void);

/* "sub" behind its issuer's prefix, in UTF-8; len 0 where there is none. As IdentityClaims. */
extern Bytes IdentitySubject(void);

extern void IdentityInit(void);

#endif
