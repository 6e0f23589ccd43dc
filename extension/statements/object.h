/*
 * object.h
 *		Objects that a statement touches, and whether the audit depends on them.
 */
#ifndef TAROT_STATEMENTS_OBJECT_H
#define TAROT_STATEMENTS_OBJECT_H

#include "access/htup.h"
#include "nodes/pg_list.h"
#include "utils/snapshot.h"

typedef enum StatementAction
{
	ACTION_CREATE,
	ACTION_ALTER,
	ACTION_DROP,
	ACTION_TRUNCATE,
	ACTION_USE, /* read or written, or granted */
} StatementAction;

/* A trigger of tarot.audit_table(), as it was before. */
typedef struct AuditTrigger
{
	bool complete; /* nothing slips past it */
	char name[NAMEDATALEN];
	char *arguments; /* as the catalog keeps them */
	int arguments_size;
} AuditTrigger;

typedef struct StatementObject
{
	Oid catalog;
	Oid object;
	StatementAction action;
	Oid relation;   /* the one that it is, or belongs to */
	Oid part_of;    /* of this one it is a trigger, an index or the like */
	char *type;     /* "table" */
	char *identity; /* with its schema; NULL for what is of no interest */
	bool of_audit;  /* the audit depends on it */
	AuditTrigger *trigger;
} StatementObject;

/* In the current memory context; NULL for what is of no interest. */
extern StatementObject *ObjectDescribe(Oid catalog, Oid object, StatementAction action);

/* Type and identity as they are now, in the current memory context. */
extern void ObjectName(StatementObject *object);

/* Whether the audit depends on the relation: a table or view of the extension, a partition of the
 * log. */
extern bool ObjectIsOfAudit(Oid catalog, Oid object);

/* Whether a statement on record is about objects of a catalog. */
extern bool ObjectIsOfInterest(Oid catalog);

/* Whether anything in a catalog can be of the audit. */
extern bool ObjectMayBeOfAudit(Oid catalog);

/* Whether a relation of schema tarot is the log, or a partition of it. */
extern bool ObjectIsLog(Oid relation);

/* Whether it holds the hash tree over the log, or who signs it. */
extern bool ObjectIsTree(Oid relation);

/* The table that it belongs to, with its schema. */
extern char *ObjectRelationName(const StatementObject *object);

/* Whether the table's trigger of this name lets less through than it did. */
extern bool TriggerIsWeaker(const StatementObject *object);

#endif
