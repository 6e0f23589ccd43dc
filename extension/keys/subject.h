/*
 * subject.h
 *		Keys of data subjects: each seals the values of one person in one data
 *		class, and with it they are destroyed, wherever copies of them lie.
 *
 * There may be a million, so a backend keeps a bounded number of them, and
 * making one waits for nobody: two sessions that write for a new subject at
 * once make two keys, and destroying the subject destroys both.
 */
#ifndef TAROT_KEYS_SUBJECT_H
#define TAROT_KEYS_SUBJECT_H

#include "crypto/envelope.h"
#include "keys/subject_hash.h"

typedef enum SubjectKeyState
{
	SUBJECT_KEY_USABLE,
	SUBJECT_KEY_DESTROYED,
	SUBJECT_KEY_CLOSED,  /* the data key that wraps it may not open, or it is damaged */
	SUBJECT_KEY_UNKNOWN, /* not of this database */
} SubjectKeyState;

/* A usable key of the subject; made, and wrapped by the data key, where there is none. */
extern uint64 SubjectKeyOf(int32 class_id, uint32 data_key_id, const uint8 hash[SUBJECT_HASH_SIZE]);

extern SubjectKeyState SubjectKeyLook(uint64 id);

/* Whether it is a usable key of this subject. */
extern bool SubjectKeyIsOf(uint64 id, int32 class_id, const uint8 hash[SUBJECT_HASH_SIZE]);

/* As KeyRingSeal, under the key that the header names. */
extern struct varlena *SubjectKeySeal(const EnvelopeHeader *header, Bytes plaintext);

/* For KeyRingOpen and KeyRingTryOpen: the door is there. */
extern void SubjectKeyOpen(const Envelope *envelope, uint8_t *plaintext);
extern bool SubjectKeyTryOpen(const Envelope *envelope, uint8_t *plaintext);

/* Wipes all that this backend has unwrapped. */
extern void SubjectKeysForget(void);

extern void SubjectInit(void);

#endif
