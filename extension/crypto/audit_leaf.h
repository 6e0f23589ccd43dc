/*
 * audit_leaf.h
 *		An entry of the audit log as a leaf of its hash tree.
 *
 * docs/formats.md has every byte. A leaf commits to what the entry says, and to
 * its details (key, old, new) by a salted hash that can take their place.
 */
#ifndef TAROT_CRYPTO_AUDIT_LEAF_H
#define TAROT_CRYPTO_AUDIT_LEAF_H

#include "base/bytes.h"
#include "crypto/merkle.h"

/* Text is UTF-8; data NULL: there is none, which is not the same as an empty one. */
typedef struct AuditLeaf
{
	int64_t recorded_at; /* microseconds since 2000-01-01 00:00 UTC */
	uint64_t transaction;
	int64_t number;
	uint64_t system;
	int64_t statement;
	uint32_t relation;
	uint8_t operation;
	Bytes table_name, role, session_role, subject, client, application;
	Bytes key, old_row, new_row; /* JSON, as jsonb prints it */
	Bytes salt;
} AuditLeaf;

/* Whether its details were erased: then `salt` has the hash that stands for them. */
extern bool audit_leaf_is_erased(const AuditLeaf *entry);

/* What a leaf has of the details. */
extern CryptoStatus audit_leaf_details(const AuditLeaf *entry, uint8_t out[HASH_SIZE]);
extern CryptoStatus audit_leaf_hash(const AuditLeaf *entry, MerkleHash *out);

#endif
