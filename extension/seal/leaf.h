/*
 * leaf.h
 *		Entries of the audit log as leaves of the hash tree.
 *
 * docs/formats.md has every byte. A leaf commits to what the entry says, and to
 * its details (key, old, new) by a salted hash that can take their place.
 */
#ifndef TAROT_SEAL_LEAF_H
#define TAROT_SEAL_LEAF_H

#include "crypto/merkle.h"

#define ENTRY_SALT_SIZE 16

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

/* Whether its details were erased: then `salt` has the hash that stands for them. */
extern bool LeafIsErased(const LeafEntry *entry);

/* What a leaf has of the details; leaves its garbage in the current memory context, as the next
 * does. */
extern void LeafDetails(const LeafEntry *entry, uint8_t out[HASH_SIZE]);
extern void LeafHash(const LeafEntry *entry, MerkleHash *out);

#endif
