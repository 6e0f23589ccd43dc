/*
 * who.h
 *		Who the session is, as its entries of the audit log say it.
 */
#ifndef TAROT_TRAIL_WHO_H
#define TAROT_TRAIL_WHO_H

#include "miscadmin.h"

#include "identity/session.h"

typedef enum WhoColumn
{
	WHO_ROLE,
	WHO_SESSION_ROLE,
	WHO_SUBJECT,
	WHO_CLIENT,
	WHO_APPLICATION,
	WHO_COLUMNS
} WhoColumn;

typedef struct Who
{
	Oid role;
	Oid session_role;
	uint64 identity; /* IdentityEpoch */

	/* The values, in one piece; where in it each is, -1: there is none. */
	int offsets[WHO_COLUMNS];
	int size;
	char *data;
} Who;

/* Good until the next call. Raises where the identity has expired. */
extern const Who *WhoNow(void);

/* Whether the session is the same. */
static inline bool
WhoHolds(Oid role, Oid session_role, uint64 identity)
{
	return likely(role == GetUserId() && session_role == GetSessionUserId() &&
				  identity == IdentityEpoch);
}

extern void WhoInit(void);

#endif
