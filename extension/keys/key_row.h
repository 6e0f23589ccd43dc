/*
 * key_row.h
 *		Rows of tarot.keyring, tarot.key and tarot.key_version. For the key ring
 *		and its administration; others ask ring.h.
 */
#ifndef TAROT_KEYS_KEY_ROW_H
#define TAROT_KEYS_KEY_ROW_H

#include "base/compat.h"
#include "keys/ring.h"

#define RING_ID_SIZE 16

/* A version of a data key. */
typedef struct DataKeyName
{
	uint32 key_id;
	uint32 version;
} DataKeyName;

static inline bool
KeyStateOpens(KeyState state)
{
	return state == KEY_ACTIVE || state == KEY_DEACTIVATED || state == KEY_COMPROMISED;
}

/* False when there are no keys yet. */
extern bool KeyRowRing(uint8 *ring_id, uint8 *fingerprint);

/* False when there is none; with `wrapped`, its wrapped key, palloc'd, or NULL. */
extern bool KeyRowVersion(const DataKeyName *name, KeyState *state, bytea **wrapped);

/* The highest active version, or the lowest that may open; 0: none. */
extern uint32 KeyRowChoose(uint32 key_id, bool newest_active);

/* Raises why what this version sealed cannot be opened. */
pg_noreturn extern void KeyRowRaise(const DataKeyName *name);

#endif
