/*
 * envelope_parse_fuzz.c
 *		Any bytes: parsed to views that lie end to end inside them, or refused.
 *
 * SOURCES: extension/crypto/[a-z]*.c extension/base/secret.c
 *
 * clang -fsanitize=fuzzer,address,undefined; seeds: corpus/envelope_parse_fuzz,
 * written by make-corpus.
 */

#include "crypto/envelope.h"
#include "fuzz.h"

/* The header again, from what parsing made of it. */
static size_t
write_header(const EnvelopeHeader *header, uint8_t *out)
{
	size_t size = ENVELOPE_FIXED_HEADER;

	out[0] = ENVELOPE_VERSION;
	out[1] = (uint8_t) ((unsigned int) header->kind << 4 | (header->search_tag != NULL) |
						(header->binding != NULL) << 1 | (header->subject_key != 0) << 2 |
						(header->second_tag != NULL) << 3);
	bytes_put_u32(out + 2, header->class_id);
	bytes_put_u32(out + 6, header->key_id);
	bytes_put_u32(out + 10, header->key_version);
	if (header->search_tag != NULL)
	{
		memcpy(out + size, header->search_tag, ENVELOPE_SEARCH_TAG_SIZE);
		size += ENVELOPE_SEARCH_TAG_SIZE;
	}
	if (header->second_tag != NULL)
	{
		memcpy(out + size, header->second_tag, ENVELOPE_SEARCH_TAG_SIZE);
		size += ENVELOPE_SEARCH_TAG_SIZE;
	}
	if (header->binding != NULL)
	{
		memcpy(out + size, header->binding, ENVELOPE_BINDING_SIZE);
		size += ENVELOPE_BINDING_SIZE;
	}
	if (header->subject_key != 0)
	{
		bytes_put_u64(out + size, header->subject_key);
		size += ENVELOPE_SUBJECT_SIZE;
	}
	return size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t header[ENVELOPE_MAX_HEADER];
	Envelope envelope;
	EnvelopeHeader alone;
	CryptoStatus status = envelope_parse(bytes_view(data, size), &envelope);
	bool peeked = envelope_peek(
		bytes_view(data, size < ENVELOPE_MAX_HEADER ? size : ENVELOPE_MAX_HEADER), &alone);

	require(status == CRYPTO_OK || status == CRYPTO_MALFORMED);
	if (status != CRYPTO_OK)
		return 0;
	require(peeked && alone.binding == envelope.header.binding &&
			alone.search_tag == envelope.header.search_tag &&
			alone.second_tag == envelope.header.second_tag &&
			alone.subject_key == envelope.header.subject_key);

	require(envelope.header_bytes.data == data);
	require(envelope.nonce == data + envelope.header_bytes.len);
	require(envelope.ciphertext.data == envelope.nonce + XAES_NONCE_SIZE);
	require(envelope.tag == envelope.ciphertext.data + envelope.ciphertext.len);
	require(envelope.tag + XAES_TAG_SIZE == data + size);
	require(envelope.header.class_id <= INT32_MAX);
	require(envelope_size(&envelope.header, envelope.ciphertext.len) == size);

	/* Nothing in the header is read twice or not at all. */
	require(write_header(&envelope.header, header) == envelope.header_bytes.len);
	require(memcmp(header, data, envelope.header_bytes.len) == 0);
	return 0;
}
