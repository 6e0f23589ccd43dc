/*
 * subject_hash.h
 *		What tarot.subject_key knows data subjects by: keyed hashes, so that it
 *		does not say who they are.
 */
#ifndef TAROT_KEYS_SUBJECT_HASH_H
#define TAROT_KEYS_SUBJECT_HASH_H

#include "base/bytes.h"

#define SUBJECT_HASH_SIZE 16

/* By the key of the class's hashes. Raises without it. */
extern void SubjectHash(int32 class_id, Bytes subject, uint8 hash[SUBJECT_HASH_SIZE]);

/* Wipes what this backend has derived from such keys. */
extern void SubjectHashForget(void);

extern void SubjectHashInit(void);

#endif
