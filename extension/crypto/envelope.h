/*
 * envelope.h
 *		The envelope: a sealed value with what is needed to open it again.
 *
 * docs/formats.md describes every byte. The header stands in the clear and is
 * authenticated, all of it; so is the context, a list of byte strings that
 * the envelope does not carry and that must be given again to open it.
 */
#ifndef TAROT_CRYPTO_ENVELOPE_H
#define TAROT_CRYPTO_ENVELOPE_H

#include "base/bytes.h"
#include "crypto/status.h"
#include "crypto/xaes.h"

#define ENVELOPE_VERSION 1
#define ENVELOPE_SEARCH_TAG_SIZE 16
#define ENVELOPE_BINDING_SIZE 16
#define ENVELOPE_SUBJECT_SIZE 8

/* The second byte: the kind above, flags below. */
#define ENVELOPE_KIND_SHIFT 4
#define ENVELOPE_FLAGS 0x0F
#define ENVELOPE_HAS_TAG 0x01

/* version, kind and flags, class, key, key version; nonce; authentication tag */
#define ENVELOPE_FIXED_HEADER 14
#define ENVELOPE_MIN_SIZE (ENVELOPE_FIXED_HEADER + XAES_NONCE_SIZE + XAES_TAG_SIZE)
#define ENVELOPE_MAX_HEADER                                                         \
	(ENVELOPE_FIXED_HEADER + 2 * ENVELOPE_SEARCH_TAG_SIZE + ENVELOPE_BINDING_SIZE + \
	 ENVELOPE_SUBJECT_SIZE)
#define ENVELOPE_MAX_OVERHEAD (ENVELOPE_MAX_HEADER + XAES_NONCE_SIZE + XAES_TAG_SIZE)

/*
 * What the plaintext is: an envelope of one kind never opens as another. The
 * numbers are on disk; one is never used again for something else.
 */
typedef enum EnvelopeKind
{
	ENVELOPE_BYTEA = 0,
	ENVELOPE_TEXT = 1,         /* UTF-8 */
	ENVELOPE_JSONB = 2,        /* its text, UTF-8 */
	ENVELOPE_NUMERIC = 3,      /* digits to the base 10000, as sent to binary clients */
	ENVELOPE_DATE = 4,         /* days since 2000-01-01, 4 bytes */
	ENVELOPE_TIMESTAMPTZ = 5,  /* microseconds since 2000-01-01 00:00 UTC, 8 bytes */
	ENVELOPE_SUBJECT_KEY = 14, /* a key of one data subject, wrapped by a data key */
	ENVELOPE_DATA_KEY = 15,    /* a data key, wrapped by the root key */
} EnvelopeKind;

typedef struct EnvelopeHeader
{
	EnvelopeKind kind;
	uint32_t class_id; /* of the data class, at most INT32_MAX; 0: none */
	uint32_t key_id;
	uint32_t key_version;
	const uint8_t *search_tag; /* ENVELOPE_SEARCH_TAG_SIZE bytes, or NULL */
	const uint8_t *second_tag; /* beside it while the class's search key changes, or NULL */
	const uint8_t *binding;    /* to a row: ENVELOPE_BINDING_SIZE bytes, or NULL */
	uint64_t subject_key;      /* seals in place of a data key, whose id and version are 0; or 0 */
	const uint8_t *next_nonce; /* of the sealing key, where it was drawn beforehand; or NULL */
} EnvelopeHeader;

/* A parsed envelope: views of the bytes it was parsed from. */
typedef struct Envelope
{
	EnvelopeHeader header;
	Bytes header_bytes; /* all before the nonce */
	const uint8_t *nonce;
	Bytes ciphertext;
	const uint8_t *tag;
} Envelope;

/* CRYPTO_MALFORMED for anything that envelope_seal could not have written. */
extern CryptoStatus envelope_parse(Bytes in, Envelope *envelope);

/*
 * The header, from the first ENVELOPE_MAX_HEADER bytes of an envelope, or all
 * if it has fewer; unauthenticated, as all that is not opened. False when these
 * begin no envelope.
 */
extern bool envelope_peek(Bytes head, EnvelopeHeader *header);

/*
 * The search tag of an envelope whose header has nothing else that it may lack:
 * of nearly all that are compared with each other. NULL for others.
 */
static inline const uint8_t *
envelope_only_search_tag(Bytes head)
{
	if (head.len < ENVELOPE_FIXED_HEADER + ENVELOPE_SEARCH_TAG_SIZE ||
		head.data[0] != ENVELOPE_VERSION || (head.data[1] & ENVELOPE_FLAGS) != ENVELOPE_HAS_TAG)
		return NULL;
	return head.data + ENVELOPE_FIXED_HEADER;
}

/* The nonce behind a header; NULL when it is not there, or no header is. */
extern const uint8_t *envelope_peek_nonce(Bytes head);

extern size_t envelope_size(const EnvelopeHeader *header, size_t plaintext_size);

/*
 * Writes envelope_size bytes, which must not overlap the plaintext or what the
 * header points to. CRYPTO_MALFORMED for a header that envelope_parse would refuse.
 */
extern CryptoStatus envelope_seal(XaesKey *key, const EnvelopeHeader *header, const Bytes *context,
								  int ncontext, Bytes plaintext, uint8_t *out);

/* Writes envelope->ciphertext.len bytes; zeros where it does not open. */
extern CryptoStatus envelope_open(XaesKey *key, const Envelope *envelope, const Bytes *context,
								  int ncontext, uint8_t *plaintext);

/* The text form: a prefix that plaintext is not expected to begin with, then base64url. */
#define ENVELOPE_TEXT_PREFIX "$tarot1$"

extern size_t envelope_text_size(size_t size);           /* without a terminating zero */
extern void envelope_to_text(Bytes envelope, char *out); /* adds the terminating zero */
extern bool envelope_is_text(Bytes text);                /* by its prefix alone */
extern size_t envelope_from_text_bound(size_t text_size);
extern CryptoStatus envelope_from_text(Bytes text, uint8_t *out, size_t *size);

#endif
