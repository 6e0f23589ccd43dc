/*
 * envelope.c
 *		Writing, reading, sealing and opening envelopes.
 */
#include <stdlib.h>

#include "crypto/encoding.h"
#include "crypto/envelope.h"

#define KIND_MAX 15
#define FLAG_SEARCH_TAG ENVELOPE_HAS_TAG
#define FLAG_BINDING 0x02
#define FLAG_SUBJECT 0x04
#define FLAG_SECOND_TAG 0x08

/* Authenticated data up to this size needs no allocation: every column's does. */
#define AAD_ON_STACK 256

#define PREFIX_SIZE (sizeof(ENVELOPE_TEXT_PREFIX) - 1)

static uint8_t
flags_of(const EnvelopeHeader *header)
{
	return (header->search_tag != NULL ? FLAG_SEARCH_TAG : 0) |
		   (header->second_tag != NULL ? FLAG_SECOND_TAG : 0) |
		   (header->binding != NULL ? FLAG_BINDING : 0) |
		   (header->subject_key != 0 ? FLAG_SUBJECT : 0);
}

#define HEADER_SIZE(flags)                                                               \
	(ENVELOPE_FIXED_HEADER + ((flags) &FLAG_SEARCH_TAG ? ENVELOPE_SEARCH_TAG_SIZE : 0) + \
	 ((flags) &FLAG_SECOND_TAG ? ENVELOPE_SEARCH_TAG_SIZE : 0) +                         \
	 ((flags) &FLAG_BINDING ? ENVELOPE_BINDING_SIZE : 0) +                               \
	 ((flags) &FLAG_SUBJECT ? ENVELOPE_SUBJECT_SIZE : 0))
#define HEADER_SIZES(flags) \
	HEADER_SIZE(flags), HEADER_SIZE((flags) + 1), HEADER_SIZE((flags) + 2), HEADER_SIZE((flags) + 3)

/* Asked for several times a value. */
static const uint8_t header_sizes[ENVELOPE_FLAGS + 1] = {HEADER_SIZES(0), HEADER_SIZES(4),
														 HEADER_SIZES(8), HEADER_SIZES(12)};

static size_t
header_size(uint8_t flags)
{
	return header_sizes[flags & ENVELOPE_FLAGS];
}

/* A second tag has a first one. A subject's key stands in place of a data key, and is none. */
static bool
is_possible(const EnvelopeHeader *header, uint8_t flags)
{
	if (header->class_id > INT32_MAX ||
		(flags & (FLAG_SEARCH_TAG | FLAG_SECOND_TAG)) == FLAG_SECOND_TAG)
		return false;
	return (flags & FLAG_SUBJECT) == 0 ||
		   (header->subject_key != 0 && header->key_id == 0 && header->key_version == 0);
}

bool
envelope_peek(Bytes head, EnvelopeHeader *header)
{
	const uint8_t *data = head.data;
	uint8_t flags;

	if (head.len < ENVELOPE_FIXED_HEADER || data[0] != ENVELOPE_VERSION)
		return false;
	flags = data[1] & ENVELOPE_FLAGS;
	if (head.len < header_size(flags))
		return false;

	header->kind = (EnvelopeKind) (data[1] >> ENVELOPE_KIND_SHIFT);
	header->class_id = bytes_get_u32(data + 2);
	header->key_id = bytes_get_u32(data + 6);
	header->key_version = bytes_get_u32(data + 10);

	data += ENVELOPE_FIXED_HEADER;
	header->search_tag = (flags & FLAG_SEARCH_TAG) ? data : NULL;
	data += (flags & FLAG_SEARCH_TAG) ? ENVELOPE_SEARCH_TAG_SIZE : 0;
	header->second_tag = (flags & FLAG_SECOND_TAG) ? data : NULL;
	data += (flags & FLAG_SECOND_TAG) ? ENVELOPE_SEARCH_TAG_SIZE : 0;
	header->binding = (flags & FLAG_BINDING) ? data : NULL;
	data += (flags & FLAG_BINDING) ? ENVELOPE_BINDING_SIZE : 0;
	header->subject_key = (flags & FLAG_SUBJECT) ? bytes_get_u64(data) : 0;
	header->next_nonce = NULL;
	return is_possible(header, flags);
}

const uint8_t *
envelope_peek_nonce(Bytes head)
{
	EnvelopeHeader header;
	size_t size;

	if (!envelope_peek(head, &header))
		return NULL;
	size = header_size(flags_of(&header));
	return head.len < size + XAES_NONCE_SIZE ? NULL : head.data + size;
}

CryptoStatus
envelope_parse(Bytes in, Envelope *envelope)
{
	size_t before_ciphertext;

	if (!envelope_peek(in, &envelope->header))
		return CRYPTO_MALFORMED;
	envelope->header_bytes = bytes_view(in.data, header_size(flags_of(&envelope->header)));
	before_ciphertext = envelope->header_bytes.len + XAES_NONCE_SIZE;
	if (in.len < before_ciphertext + XAES_TAG_SIZE)
		return CRYPTO_MALFORMED;

	envelope->nonce = in.data + envelope->header_bytes.len;
	envelope->ciphertext =
		bytes_view(in.data + before_ciphertext, in.len - before_ciphertext - XAES_TAG_SIZE);
	envelope->tag = in.data + in.len - XAES_TAG_SIZE;
	return CRYPTO_OK;
}

size_t
envelope_size(const EnvelopeHeader *header, size_t plaintext_size)
{
	return header_size(flags_of(header)) + XAES_NONCE_SIZE + plaintext_size + XAES_TAG_SIZE;
}

/*
 * What is authenticated beside the ciphertext: the header, whose length its
 * flags tell; behind it, unless it is empty, the context as an encoded list.
 * Injective, as both parts are. A column's value has no context: what others
 * need, room to copy both, is kept apart from the functions that all use.
 */
typedef struct Aad
{
	uint8_t stack[AAD_ON_STACK];
	uint8_t *heap;
	Bytes bytes;
} Aad;

static bool
aad_build(Aad *aad, Bytes header, const Bytes *context, int ncontext)
{
	size_t size = header.len + list_encoded_size(context, ncontext);
	uint8_t *out = aad->stack;

	aad->heap = NULL;
	if (size > AAD_ON_STACK && (out = aad->heap = malloc(size)) == NULL)
		return false;
	memcpy(out, header.data, header.len);
	list_encode(context, ncontext, out + header.len);
	aad->bytes = bytes_view(out, size);
	return true;
}

static __attribute__((noinline)) CryptoStatus
seal_with_context(XaesKey *key, const uint8_t nonce[XAES_NONCE_SIZE], Bytes header,
				  const Bytes *context, int ncontext, Bytes plaintext, uint8_t *ciphertext)
{
	Aad aad;
	CryptoStatus status;

	if (!aad_build(&aad, header, context, ncontext))
		return CRYPTO_FAILED;
	status = xaes_seal(key, nonce, aad.bytes, plaintext, ciphertext, ciphertext + plaintext.len);
	free(aad.heap);
	return status;
}

static __attribute__((noinline)) CryptoStatus
open_with_context(XaesKey *key, const Envelope *envelope, const Bytes *context, int ncontext,
				  uint8_t *plaintext)
{
	Aad aad;
	CryptoStatus status;

	if (!aad_build(&aad, envelope->header_bytes, context, ncontext))
		return CRYPTO_FAILED;
	status =
		xaes_open(key, envelope->nonce, aad.bytes, envelope->ciphertext, envelope->tag, plaintext);
	free(aad.heap);
	return status;
}

/* What a header has beside what all have. */
static void
write_parts(const EnvelopeHeader *header, uint8_t *part)
{
	if (header->search_tag != NULL)
	{
		memcpy(part, header->search_tag, ENVELOPE_SEARCH_TAG_SIZE);
		part += ENVELOPE_SEARCH_TAG_SIZE;
	}
	if (header->second_tag != NULL)
	{
		memcpy(part, header->second_tag, ENVELOPE_SEARCH_TAG_SIZE);
		part += ENVELOPE_SEARCH_TAG_SIZE;
	}
	if (header->binding != NULL)
	{
		memcpy(part, header->binding, ENVELOPE_BINDING_SIZE);
		part += ENVELOPE_BINDING_SIZE;
	}
	if (header->subject_key != 0)
		bytes_put_u64(part, header->subject_key);
}

CryptoStatus
envelope_seal(XaesKey *key, const EnvelopeHeader *header, const Bytes *context, int ncontext,
			  Bytes plaintext, uint8_t *out)
{
	uint8_t flags = flags_of(header);
	size_t size = header_size(flags);
	uint8_t *nonce = out + size;
	uint8_t *ciphertext = nonce + XAES_NONCE_SIZE;

	if (!is_possible(header, flags) || (unsigned int) header->kind > KIND_MAX)
		return CRYPTO_MALFORMED;

	out[0] = ENVELOPE_VERSION;
	out[1] = (uint8_t) ((unsigned int) header->kind << ENVELOPE_KIND_SHIFT | flags);
	bytes_put_u32(out + 2, header->class_id);
	bytes_put_u32(out + 6, header->key_id);
	bytes_put_u32(out + 10, header->key_version);
	if (flags != 0)
		write_parts(header, out + ENVELOPE_FIXED_HEADER);

	if (header->next_nonce != NULL)
		memcpy(nonce, header->next_nonce, XAES_NONCE_SIZE);
	else
		xaes_next_nonce(key, nonce);
	if (ncontext > 0)
		return seal_with_context(key, nonce, bytes_view(out, size), context, ncontext, plaintext,
								 ciphertext);
	return xaes_seal(key, nonce, bytes_view(out, size), plaintext, ciphertext,
					 ciphertext + plaintext.len);
}

CryptoStatus
envelope_open(XaesKey *key, const Envelope *envelope, const Bytes *context, int ncontext,
			  uint8_t *plaintext)
{
	if (ncontext > 0)
		return open_with_context(key, envelope, context, ncontext, plaintext);
	return xaes_open(key, envelope->nonce, envelope->header_bytes, envelope->ciphertext,
					 envelope->tag, plaintext);
}

size_t
envelope_text_size(size_t size)
{
	return PREFIX_SIZE + base64url_encoded_size(size);
}

void
envelope_to_text(Bytes envelope, char *out)
{
	memcpy(out, ENVELOPE_TEXT_PREFIX, PREFIX_SIZE);
	base64url_encode(envelope, out + PREFIX_SIZE);
}

bool
envelope_is_text(Bytes text)
{
	return text.len >= PREFIX_SIZE && memcmp(text.data, ENVELOPE_TEXT_PREFIX, PREFIX_SIZE) == 0;
}

size_t
envelope_from_text_bound(size_t text_size)
{
	return base64url_decoded_bound(text_size);
}

CryptoStatus
envelope_from_text(Bytes text, uint8_t *out, size_t *size)
{
	Envelope envelope;

	if (!envelope_is_text(text) ||
		!base64url_decode(bytes_view(text.data + PREFIX_SIZE, text.len - PREFIX_SIZE), out, size))
		return CRYPTO_MALFORMED;
	return envelope_parse(bytes_view(out, *size), &envelope);
}
