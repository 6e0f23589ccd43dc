/*
 * note.h
 *		Signed notes (c2sp.org/signed-note) and checkpoints of hash trees in them
 *		(c2sp.org/tlog-checkpoint), with Ed25519.
 *
 * A note is text, an empty line, and lines with signatures. A checkpoint's text
 * has the tree's name (its origin), its size and its root, a line each; lines
 * behind them are the log's own. Ours has one, "time " and the time of sealing.
 */
#ifndef TAROT_CRYPTO_NOTE_H
#define TAROT_CRYPTO_NOTE_H

#include "base/bytes.h"
#include "crypto/merkle.h"
#include "crypto/status.h"

#define NOTE_SEED_SIZE 32       /* an Ed25519 private key as RFC 8032 has it */
#define NOTE_PUBLIC_KEY_SIZE 32 /* RFC 8032, 5.1.5 */
#define NOTE_SIGNATURE_SIZE 64
#define NOTE_KEY_ID_SIZE 4
#define NOTE_NAME_MAX 255

/* A public key: who signs, by what. */
typedef struct NoteKey
{
	char name[NOTE_NAME_MAX + 1];
	uint8_t id[NOTE_KEY_ID_SIZE];
	uint8_t public_key[NOTE_PUBLIC_KEY_SIZE];
} NoteKey;

/* Not empty, UTF-8 without plus, white space and control characters. False also for one too long.
 */
extern bool note_name_is_valid(Bytes name);

/* The id follows from the other two. False when the name is none. */
extern bool note_key_make(Bytes name, const uint8_t public_key[NOTE_PUBLIC_KEY_SIZE], NoteKey *key);

/* What belongs to a private key. */
extern CryptoStatus
note_public_key(const uint8_t seed[NOTE_SEED_SIZE], uint8_t public_key[NOTE_PUBLIC_KEY_SIZE]);

/* NAME+ID+BASE64, as signed-note has it; a terminating zero included. */
#define NOTE_KEY_TEXT_SIZE (NOTE_NAME_MAX + 1 + 8 + 1 + 44 + 1)
extern void note_key_write(const NoteKey *key, char text[NOTE_KEY_TEXT_SIZE]);
extern bool note_key_read(Bytes text, NoteKey *key);

/* The longest signature line, a terminating zero included. */
#define NOTE_LINE_SIZE (4 + NOTE_NAME_MAX + 1 + 92 + 1 + 1)

/* The line that signs a text, which ends in a newline; with its own. */
extern CryptoStatus note_sign(Bytes text, const NoteKey *key, const uint8_t seed[NOTE_SEED_SIZE],
							  char line[NOTE_LINE_SIZE]);

/*
 * CRYPTO_OK: signed by one of these keys, which is *signer (-1 else). CRYPTO_MALFORMED: no note.
 * CRYPTO_UNAUTHENTIC: signed by none of them, or badly by one.
 */
extern CryptoStatus note_verify(Bytes note, const NoteKey *keys, int nkeys, int *signer);

/* ---------------------------------------------------------------- checkpoints */

typedef struct Checkpoint
{
	Bytes origin;
	uint64_t size;
	MerkleHash root;
	Bytes time; /* what stands behind "time "; len 0: there is no such line */
} Checkpoint;

#define CHECKPOINT_TEXT_MAX (NOTE_NAME_MAX + 1 + 20 + 1 + 44 + 1 + 5 + 64 + 1 + 1)

/* The text that is signed, with a zero behind it; its length. 0: origin or time cannot stand there.
 */
extern size_t checkpoint_write(const Checkpoint *checkpoint, char text[CHECKPOINT_TEXT_MAX]);

/* Of a note or its text. Views point into it. */
extern bool checkpoint_read(Bytes note, Checkpoint *checkpoint);

#endif
