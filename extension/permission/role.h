/*
 * role.h
 *		Roles of the platform, and what they permit: tarot.role and its tables as
 *		the C code knows them.
 */
#ifndef TAROT_PERMISSION_ROLE_H
#define TAROT_PERMISSION_ROLE_H

#include "base/bytes.h"

#define PERMISSION_SIZE_MAX 255

/* In the server's encoding, as all names and permissions here. */
typedef struct Role
{
	Bytes name;
	struct List *inherits; /* of Role */
	Bytes *permissions;    /* it permits itself */
	int npermissions;
	uint64 seen; /* for RolesWithInherited */
} Role;

/*
 * The roles of these names, as far as there are any, and all that they inherit:
 * a list of Role, each once. What it points to is good until the next call, the
 * list is palloc'd.
 */
extern struct List *RolesWithInherited(const Bytes *names, int count);

/*
 * Words of letters, digits, "_", "." and "-", with ":" between them; one that
 * may cover others can also end in ":*", or be "*".
 */
extern bool PermissionIsValid(Bytes permission, bool may_cover_others);

/* Raises unless it is one that covers no others: what is asked for. */
extern void PermissionRequireValid(Bytes permission);

/* Whether who was granted the one may do the other, which covers no others. Both are valid. */
extern bool PermissionCovers(Bytes granted, Bytes permission);

#endif
