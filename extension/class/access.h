/*
 * access.h
 *		What a role may do with the values of a class, by its grants.
 */
#ifndef TAROT_CLASS_ACCESS_H
#define TAROT_CLASS_ACCESS_H

#include "nodes/pg_list.h"

#include "base/catalog.h"
#include "permission/permission.h"

typedef enum ReadAccess
{
	READ_NONE,
	READ_MASKED,
	READ_UNSTATED, /* plain as soon as a purpose is stated; until then to read it is an error */
	READ_NOTED,    /* plain, and that is put on record */
	READ_PLAIN,
} ReadAccess;

/* Who shows values asks ClassReveal (reveal.h) about `read`. */
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
	bool conditional; /* more counts than that: */
	bool by_identity; /* what the session's identity may do: */
	PermissionStamp permissions;
	int64 until;    /* the end of the first that ends, as jwt.h counts */
	uint64 purpose; /* which the session states */
} AccessStamp;

/*
 * By the grants to the role and to the roles whose privileges it inherits, as
 * for PostgreSQL's own privileges; but being superuser or owner gives nothing.
 * A grant that has a permission counts while the session's identity holds that;
 * with one in the way this raises when the identity is no longer good. A grant
 * that has ended counts no more, from the very next value on. A class can ask for
 * a stated purpose. `stamp` can be NULL.
 */
extern ClassRights ClassAccessOf(int32 class_id, Oid role, AccessStamp *stamp);

/* The part of it that holds whoever the session is, until the grants change. */
extern ClassRights ClassAccessGranted(int32 class_id, Oid role);

/* Whether what else counts is still the same; for the function below. */
extern bool AccessConditionsHold(const AccessStamp *stamp);

/* Whether asking again would find the same. May raise as ClassAccessOf. */
static inline bool
AccessStampHolds(const AccessStamp *stamp)
{
	return likely(stamp->catalog == CatalogEpoch) &&
		   (likely(!stamp->conditional) || AccessConditionsHold(stamp));
}

/* A role and all whose privileges it has by inheritance, by their numbers; palloc'd. */
extern List *ClassAccessRoles(Oid role);

extern void ClassAccessInit(void);

#endif
