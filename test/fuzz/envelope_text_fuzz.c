/*
 * envelope_text_fuzz.c
 *		The text form: what is accepted is what would have been written.
 *
 * SOURCES: extension/crypto/[a-z]*.c extension/base/secret.c
 *
 * clang -fsanitize=fuzzer,address,undefined; seeds: corpus/envelope_text_fuzz,
 * written by make-corpus.
 */
#include <stdlib.h>

#include "crypto/encoding.h"
#include "crypto/envelope.h"
#include "fuzz.h"

static void *
allocate(size_t size)
{
	void *memory = malloc(size);

	require(memory != NULL);
	return memory;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Bytes input = bytes_view(data, size);
	uint8_t *decoded = allocate(envelope_from_text_bound(size));
	uint8_t *bytes = allocate(base64url_decoded_bound(size));
	char *text = allocate(base64url_encoded_size(size) + 1);
	size_t decoded_size, length;
	Envelope envelope;
	CryptoStatus status = envelope_from_text(input, decoded, &decoded_size);

	require(status == CRYPTO_OK || status == CRYPTO_MALFORMED);
	if (status == CRYPTO_OK)
	{
		char *again = allocate(envelope_text_size(decoded_size) + 1);

		require(envelope_is_text(input));
		require(envelope_parse(bytes_view(decoded, decoded_size), &envelope) == CRYPTO_OK);
		require(envelope_text_size(decoded_size) == size);
		envelope_to_text(bytes_view(decoded, decoded_size), again);
		require(memcmp(again, data, size) == 0 && again[size] == '\0');
		free(again);
	}

	/* The encoding beneath it, on the same input as text ... */
	if (base64url_decode(input, bytes, &length))
	{
		char *again = allocate(base64url_encoded_size(length) + 1);

		require(length <= base64url_decoded_bound(size));
		require(base64url_encoded_size(length) == size);
		base64url_encode(bytes_view(bytes, length), again);
		require(memcmp(again, data, size) == 0);
		free(again);
	}

	/* ... and as bytes. */
	base64url_encode(input, text);
	length = strlen(text);
	require(length == base64url_encoded_size(size));
	free(bytes);
	bytes = allocate(base64url_decoded_bound(length));
	require(base64url_decode(bytes_view(text, length), bytes, &decoded_size));
	require(decoded_size == size && memcmp(bytes, data, size) == 0);

	free(decoded);
	free(bytes);
	free(text);
	return 0;
}
