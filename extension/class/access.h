/*
 * access.h
 *		What a role may do with the values of a class, by its grants.
 */
#ifndef TAROT_CLASS_ACCESS_H
#define TAROT_CLASS_ACCESS_H

typedef enum ReadAccess
{
	READ_NONE,
	READ_MASKED,
	READ_PLAIN,
} ReadAccess;

/* Up to date when returned; never freed. */
typedef struct ClassAccess
{
	struct
	{
		int32 class_id;
		Oid role;
	} name;       /* hash key */
	uint64 epoch; /* of all that follows */
	ReadAccess read;
	bool search;
	bool write;
} ClassAccess;

/*
 * By the grants to the role and to the roles whose privileges it inherits, as
 * for PostgreSQL's own privileges; but being superuser or owner gives nothing.
 */
extern const ClassAccess *ClassAccessOf(int32 class_id, Oid role);

extern void ClassAccessInit(void);

#endif
