/*
 * entry.h
 *		Entries of the audit log: who did what, when.
 */
#ifndef TAROT_TRAIL_ENTRY_H
#define TAROT_TRAIL_ENTRY_H

#include "utils/jsonb.h"
#include "utils/rel.h"

#include "base/bytes.h"

/* The columns of tarot.audit_entry. */
typedef enum EntryColumn
{
	ENTRY_RECORDED_AT,
	ENTRY_TRANSACTION,
	ENTRY_NUMBER,
	ENTRY_SYSTEM,
	ENTRY_STATEMENT,
	ENTRY_RELATION,
	ENTRY_OPERATION,
	ENTRY_TABLE,
	ENTRY_ROLE,
	ENTRY_SESSION_ROLE,
	ENTRY_SUBJECT,
	ENTRY_CLIENT,
	ENTRY_APPLICATION,
	ENTRY_KEY,
	ENTRY_OLD,
	ENTRY_NEW,
	ENTRY_SALT,
	ENTRY_COLUMNS
} EntryColumn;

/* On disk. */
typedef enum AuditOperation
{
	AUDIT_INSERT = 'I',
	AUDIT_UPDATE = 'U',
	AUDIT_DELETE = 'D',
	AUDIT_TRUNCATE = 'T',
	AUDIT_EVENT = 'E',
	AUDIT_STATEMENT = 'S',
	AUDIT_RETENTION = 'R', /* what was dropped of the log, or erased in it */
} AuditOperation;

typedef struct AuditEntry
{
	AuditOperation operation;
	CommandId command; /* the statement: its number in the transaction */
	Jsonb *key;        /* NULL: none */
	Jsonb *old_row;
	Jsonb *new_row;
} AuditEntry;

/* Writes the entries of changes of one table by one statement. */
typedef struct EntryWriter EntryWriter;

/* In the current memory context, which must not outlive the statement. The name is
 * EntryTableName(), which is not copied. */
extern EntryWriter *EntryWriterMake(Oid table, Datum name);

/* The same of a statement and the object that it is about; InvalidOid and NULL: none. */
extern EntryWriter *EntryWriterMakeFor(Oid object, const char *identity);

/* How entries name a table, as text: quoted, with its schema. */
extern Datum EntryTableName(Relation table);

/* Whether it would write the same of whom it is now; else it is to be made anew. May raise. */
extern bool EntryWriterHolds(const EntryWriter *writer);

/* One of EntryWriterMake(). */
extern void EntryWriterFree(EntryWriter *writer);

/* Raises where the entry cannot be written; then the change must not be made. */
extern void EntryWrite(EntryWriter *writer, const AuditEntry *entry);

/* Whose an entry is that is not the session's own. */
typedef struct EntryOrigin
{
	Oid role;
	Oid session_role;
	Bytes subject; /* this and the next as the server has text; empty: none */
	const char *client;
	const char *application;
} EntryOrigin;

/* For entries of nobody yet, and about no table. */
extern EntryWriter *EntryWriterMakeForEvents(void);

extern void EntryWriteFor(EntryWriter *writer, const EntryOrigin *origin, const AuditEntry *entry);

/* An entry that was written before, by its columns in their order, to the partition of its time. */
extern void EntryWriteAgain(const Datum *values, const bool *nulls);

#endif
