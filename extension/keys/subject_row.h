/*
 * subject_row.h
 *		Rows of tarot.subject_key: each holds a key, wrapped by a data key and
 *		bound to its number, its class and its subject. For subject*.c alone.
 */
#ifndef TAROT_KEYS_SUBJECT_ROW_H
#define TAROT_KEYS_SUBJECT_ROW_H

#include "access/genam.h"
#include "utils/rel.h"

#include "crypto/xaes.h"
#include "keys/ring.h"
#include "keys/subject_hash.h"

#define SUBJECT_KEY_SIZE XAES_KEY_SIZE

#define SUBJECT_TABLE "subject_key"
#define SUBJECT_INDEX_BY_ID "subject_key_pkey"
#define SUBJECT_INDEX_BY_SUBJECT "subject_key_of_subject"
#define SUBJECT_INDEX_BY_VERSION "subject_key_of_version"

/* Its columns, as in subject.sql */
enum
{
	SUBJECT_COLUMN_ID = 1,
	SUBJECT_COLUMN_CLASS_ID = 2,
	SUBJECT_COLUMN_HASH = 3,
	SUBJECT_COLUMN_KEY_ID = 4,
	SUBJECT_COLUMN_KEY_VERSION = 5,
	SUBJECT_COLUMN_WRAPPED = 6,
	SUBJECT_COLUMN_CREATED_AT = 7,
	SUBJECT_COLUMN_DESTROYED_AT = 8,
	SUBJECT_COLUMNS = 8,
};

/* Views of the tuple that it was read from. */
typedef struct SubjectRow
{
	uint64 id;
	int32 class_id;
	Bytes hash;
	Bytes wrapped; /* data is NULL where the key is destroyed */
} SubjectRow;

/* The hash in the row that holds the key of its class's hashes. */
#define SUBJECT_NO_HASH bytes_view("", 0)

extern SubjectRow SubjectRowRead(HeapTuple tuple, TupleDesc desc);

/* The keys of a subject that are not destroyed. */
extern SysScanDesc SubjectRowScan(Relation table, int32 class_id, Bytes hash);

/* For a new key. */
extern uint64 SubjectRowNewId(void);

/*
 * A row for a new key. The lock stays until the end of the transaction: who
 * destroys a subject's keys waits for those in the making.
 */
extern void SubjectRowInsert(uint64 id, int32 class_id, Bytes hash, DataKey *data_key,
							 const uint8 secret[SUBJECT_KEY_SIZE]);

/* Of the row only what its key is bound to is asked. */
extern struct varlena *
SubjectRowWrap(DataKey *data_key, const SubjectRow *row, const uint8 secret[SUBJECT_KEY_SIZE]);

/* False for what is damaged, and where the data key may not open; the other raises. */
extern bool SubjectRowUnwrap(const SubjectRow *row, uint8 secret[SUBJECT_KEY_SIZE]);
extern void SubjectRowRequire(const SubjectRow *row, uint8 secret[SUBJECT_KEY_SIZE]);

/* For KeyRegisterUse: whether a version of a data key wraps any. In subject_admin.c. */
extern void SubjectCheckVersion(uint32 key_id, uint32 version);

#endif
