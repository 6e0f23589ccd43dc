/*
 * leaf.h
 *		Entries of the audit log as leaves of the hash tree: rows for
 *		crypto/audit_leaf.h.
 */
#ifndef TAROT_SEAL_LEAF_H
#define TAROT_SEAL_LEAF_H

#include "crypto/audit_leaf.h"

/* The columns of tarot.audit_entry: all of them, for what a leaf leaves out can be changed. */
typedef enum LeafColumn
{
	LEAF_RECORDED_AT,
	LEAF_TRANSACTION,
	LEAF_NUMBER,
	LEAF_SYSTEM,
	LEAF_STATEMENT,
	LEAF_RELATION,
	LEAF_OPERATION,
	LEAF_TABLE,
	LEAF_ROLE,
	LEAF_SESSION_ROLE,
	LEAF_SUBJECT,
	LEAF_CLIENT,
	LEAF_APPLICATION,
	LEAF_KEY,
	LEAF_OLD,
	LEAF_NEW,
	LEAF_SALT,
	LEAF_COLUMNS
} LeafColumn;

extern const char *const LeafColumnNames[LEAF_COLUMNS];

/* A row of it. */
typedef struct LeafEntry
{
	Datum values[LEAF_COLUMNS];
	bool nulls[LEAF_COLUMNS];
} LeafEntry;

/* Views of it, in UTF-8; leaves its garbage in the current memory context. */
extern AuditLeaf LeafOfEntry(const LeafEntry *entry);

#endif
