/*
 * issuer.h
 *		Whose tokens are trusted: tarot.issuer as the C code knows it, with keys
 *		made ready.
 */
#ifndef TAROT_IDENTITY_ISSUER_H
#define TAROT_IDENTITY_ISSUER_H

#include "datatype/timestamp.h"

#include "token/jwk.h"
#include "token/jwt.h"

typedef struct Issuer
{
	const char *name; /* here */
	int64 created_at; /* one that is created again is another */
	JwtPolicy policy;
	int64 issued_before;             /* tokens that were are not taken */
	Bytes subject_prefix;            /* UTF-8 */
	const char *database_role_claim; /* UTF-8; NULL: tokens choose no database role */
	const char **database_roles;     /* those they may choose */
	int ndatabase_roles;
	const char *role_claim; /* UTF-8; NULL: tokens choose no role of tarot.role */
	Bytes *roles;           /* UTF-8; those they may choose */
	int nroles;
	Bytes *default_roles; /* UTF-8; those that all their bearers have */
	int ndefault_roles;
	struct varlena *private_key; /* sealed, or NULL */
	const char *jwks;            /* or NULL */
	bool ready;                  /* the keys below are: */
	TokenKey *keys[JWK_SET_MAX + 1];
	int nkeys;
	TokenKey *own_key; /* of private_key, the last of them */
} Issuer;

/*
 * By "iss", or by name; NULL when there is none. Good until the next call of
 * any of these.
 */
extern Issuer *IssuerOfTokens(Bytes iss);
extern Issuer *IssuerOfName(const char *name);

/* Makes its keys ready. Raises when they cannot be opened. */
extern void IssuerRequireKeys(Issuer *issuer);

/* After tarot.lock() or tarot.unlock(): wipes what was opened before. Costs a comparison otherwise.
 */
extern void IssuerForgetLocked(void);

/* Microseconds since 1970-01-01 00:00 UTC, as jwt.h counts, and back. */
extern int64 IssuerMicros(TimestampTz time);
extern TimestampTz IssuerTimestamp(int64 micros);

extern void IssuerInit(void);

#endif
