/*
 * access.h
 *		What a role may do with the values of a class, by its grants.
 */
#ifndef TAROT_CLASS_ACCESS_H
#define TAROT_CLASS_ACCESS_H

#include "base/catalog.h"
#include "permission/permission.h"

typedef enum ReadAccess
{
	READ_NONE,
	READ_MASKED,
	READ_PLAIN,
} ReadAccess;

typedef struct ClassRights
{
	ReadAccess read;
	bool search;
	bool write;
} ClassRights;

/* Under what rights were found. Zeroed it holds never. */
typedef struct AccessStamp
{
	uint64 catalog;
	bool conditional; /* what the session's identity may do counts, too: */
	PermissionStamp permissions;
} AccessStamp;

/*
 * By the grants to the role and to the roles whose privileges it inherits, as
 * for PostgreSQL's own privileges; but being superuser or owner gives nothing.
 * A grant that has a permission counts while the session's identity holds that;
 * with one in the way this raises when the identity is no longer good. `stamp`
 * can be NULL.
 */
extern ClassRights ClassAccessOf(int32 class_id, Oid role, AccessStamp *stamp);

/* The part of it that holds whoever the session is, until the grants change. */
extern ClassRights ClassAccessGranted(int32 class_id, Oid role);

/* Whether asking again would find the same. May raise as ClassAccessOf. */
static inline bool
AccessStampHolds(const AccessStamp *stamp)
{
	return likely(stamp->catalog == CatalogEpoch) &&
		   (likely(!stamp->conditional) || PermissionStampHolds(&stamp->permissions));
}

extern void ClassAccessInit(void);

#endif
