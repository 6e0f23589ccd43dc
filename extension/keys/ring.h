/*
 * ring.h
 *		The data keys of this database, and the one door from an envelope to
 *		its plaintext.
 */
#ifndef TAROT_KEYS_RING_H
#define TAROT_KEYS_RING_H

#include "crypto/envelope.h"
#include "crypto/hash.h"

/*
 * States of a version, NIST SP 800-57 part 1 rev. 5, section 7. Sealing needs
 * active; opening needs active, deactivated or compromised.
 */
typedef enum KeyState
{
	KEY_PRE_ACTIVATION,
	KEY_ACTIVE,
	KEY_SUSPENDED,
	KEY_DEACTIVATED,
	KEY_COMPROMISED,
	KEY_DESTROYED,
} KeyState;

extern KeyState KeyStateFromName(const char *name); /* raises on an unknown one, and NULL */

/* A version of a data key as this backend knows it. Never freed: pointers stay good. */
typedef struct DataKey DataKey;

/*
 * The newest active version, which seals. Raises when there is none. To be
 * asked for once a statement: that also parts its nonces from those of a copy
 * of this machine.
 */
extern DataKey *KeyRingCurrent(uint32 key_id);

/* Whether a key that was current in this epoch can seal at once, without asking again. */
extern bool DataKeyIsReady(const DataKey *key);

extern uint32 DataKeyId(const DataKey *key);
extern uint32 DataKeyVersion(const DataKey *key);

/*
 * The largest plaintext. Its envelope must also fit in its text form, a third
 * longer, below the 1 GB of a palloc: what can be written can be dumped.
 */
#define KEY_RING_PLAINTEXT_MAX (512 * 1024 * 1024)

/* A nonce for one value that this key then seals, and nothing else (EnvelopeHeader.next_nonce). */
extern void KeyRingNextNonce(DataKey *key, uint8_t nonce[XAES_NONCE_SIZE]);

/* A palloc'd envelope; the header's key and version are filled in. */
extern struct varlena *KeyRingSeal(DataKey *key, EnvelopeHeader *header, const Bytes *context,
								   int ncontext, Bytes plaintext);

/*
 * The door. Every way from an envelope to a plaintext leads through here; who
 * may walk it is decided by the caller, in gate/gate.c or by EXECUTE on
 * tarot.decrypt. The first raises, the second gives false for what is wrong
 * with the envelope or the state of its key; both raise when the server is
 * locked. They write ciphertext.len bytes.
 */
extern void
KeyRingOpen(const Envelope *envelope, const Bytes *context, int ncontext, uint8_t *plaintext);
extern bool
KeyRingTryOpen(const Envelope *envelope, const Bytes *context, int ncontext, uint8_t *plaintext);

/*
 * After tarot.lock() or tarot.unlock() in any session: wipes all keys that this
 * backend unwrapped before. Costs a comparison otherwise.
 */
extern void KeyRingForgetLocked(void);

extern void KeyRingInit(void);

/* ---------------------------------------------------------------- data_key.c */

/*
 * A secret for another purpose than sealing, from the oldest version that is
 * not destroyed, so that rotation does not change it.
 */
extern void KeyRingDerive(uint32 key_id, Bytes purpose, uint8_t *out, size_t size);

/* The same from one version, whatever becomes of the others. Raises when it may not open. */
extern void
KeyRingDeriveFrom(uint32 key_id, uint32 version, Bytes purpose, uint8_t *out, size_t size);

/* ---------------------------------------------------------------- key_row.c */

/* Whether nothing can come from this version any more. */
extern bool KeyRingIsDestroyed(uint32 key_id, uint32 version);

/* 0 when there is no key of this name. */
extern uint32 KeyRingFind(Bytes name);

/* "profile", for messages; palloc'd. */
extern char *KeyRingName(uint32 key_id);

/* The fingerprint of the root key that wraps; false when there are no keys yet. */
extern bool KeyRingFingerprint(uint8_t *fingerprint);

#endif
