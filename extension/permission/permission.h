/*
 * permission.h
 *		What the session's identity may do.
 */
#ifndef TAROT_PERMISSION_PERMISSION_H
#define TAROT_PERMISSION_PERMISSION_H

#include "permission/role.h"

/* Grows when anybody was assigned or granted something, in any session. */
extern uint64 PermissionEpoch;

/* What the session's identity holds. */
typedef struct Permissions
{
	int64 now;          /* when this was so, as jwt.h counts */
	Bytes subject;      /* in the server's encoding; len 0: it has none */
	struct List *roles; /* of Role, inherited ones as well */
	Bytes *granted;     /* by them; may cover others */
	int ngranted;
} Permissions;

/*
 * NULL while nobody has authenticated. Raises when the identity is no longer
 * good. Good until the next call.
 */
extern const Permissions *PermissionsHeld(void);

/* Whether they hold a permission, for all resources. */
extern bool PermissionsInclude(const Permissions *held, Bytes permission);

/*
 * Under what an answer was found. Zeroed it holds never, and PermissionStampTake
 * makes it hold until the answer can be another one.
 */
typedef struct PermissionStamp
{
	uint64 identity;
	uint64 catalog;
	uint64 permissions;
	int64 until; /* as jwt.h counts */
} PermissionStamp;

/* Raises when the identity is no longer good. */
extern bool PermissionStampHolds(const PermissionStamp *stamp);

/* Right after PermissionsHeld. */
extern void PermissionStampTake(PermissionStamp *stamp);

#endif
