/*
 * envelope_open_fuzz.c
 *		Envelopes under a fixed key, from outside or changed, opened by both
 *		libraries: they agree, and a changed one never opens.
 *
 * SOURCES: extension/crypto/[a-z]*.c extension/base/secret.c
 *
 * clang -fsanitize=fuzzer,address,undefined; seeds: corpus/envelope_open_fuzz,
 * written by make-corpus. An input is:
 *
 *		what to do	1 byte: bit 0 clear, open the rest; bit 0 set, seal and change it;
 *					bit 1 set, with a search tag, bit 2, with a binding, bit 3, with a
 *					subject key, bits 1 and 4, with a second tag (when sealing)
 *		context		1 byte: number of items, modulo 5; each 1 byte of length, bytes
 *		then		an envelope;
 *		or, to seal	1 byte: number of changes, modulo 8; each 2 bytes of place, 1 byte
 *					of bits to turn; and the plaintext
 */
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>

#include "crypto/envelope.h"
#include "fuzz.h"

#define MAX_ITEMS 4
#define MAX_CHANGES 7

static XaesKey *key;

static Bytes
take(Bytes *input, size_t size)
{
	Bytes taken = bytes_view(input->data, size < input->len ? size : input->len);

	if (taken.len > 0)
		*input = bytes_view(input->data + taken.len, input->len - taken.len);
	return taken;
}

static uint8_t
take_byte(Bytes *input)
{
	Bytes taken = take(input, 1);

	return taken.len == 1 ? taken.data[0] : 0;
}

static CryptoStatus
open_with(XaesLibrary library, const Envelope *envelope, const Bytes *context, int ncontext,
		  uint8_t **plaintext)
{
	size_t size = envelope->ciphertext.len;
	CryptoStatus status;

	/* Exactly as large as promised, so that the sanitizer sees a byte too many. */
	*plaintext = malloc(size > 0 ? size : 1);
	require(*plaintext != NULL);
	memset(*plaintext, 0x77, size);
	xaes_use_library(library);
	status = envelope_open(key, envelope, context, ncontext, *plaintext);
	require(status == CRYPTO_OK || status == CRYPTO_UNAUTHENTIC);
	for (size_t i = 0; status != CRYPTO_OK && i < size; i++)
		require((*plaintext)[i] == 0);
	return status;
}

/* What both libraries answer; `expected`, if any, is what an opening must give. */
static CryptoStatus
open_with_both(Bytes bytes, const Bytes *context, int ncontext, const Bytes *expected)
{
	Envelope envelope;
	uint8_t *a, *b;
	CryptoStatus status = envelope_parse(bytes, &envelope);

	if (status != CRYPTO_OK)
		return status;
	status = open_with(XAES_OPENSSL, &envelope, context, ncontext, &a);
	require(open_with(XAES_LIBSODIUM, &envelope, context, ncontext, &b) == status);
	require(memcmp(a, b, envelope.ciphertext.len) == 0);
	if (status == CRYPTO_OK && expected != NULL)
		require(envelope.ciphertext.len == expected->len &&
				memcmp(a, expected->data, expected->len) == 0);
	free(a);
	free(b);
	return status;
}

static void
seal_and_change(Bytes input, uint8_t what, const Bytes *context, int ncontext)
{
	static const uint8_t tag[ENVELOPE_SEARCH_TAG_SIZE] = "a search tag...";
	static const uint8_t second_tag[ENVELOPE_SEARCH_TAG_SIZE] = "another tag....";
	static const uint8_t binding[ENVELOPE_BINDING_SIZE] = "a binding......";
	EnvelopeHeader header = {.kind = ENVELOPE_TEXT,
							 .class_id = 78,
							 .key_id = what & 8 ? 0 : 7,
							 .key_version = what & 8 ? 0 : 2,
							 .subject_key = what & 8 ? 12345 : 0,
							 .search_tag = what & 2 ? tag : NULL,
							 .second_tag = (what & 18) == 18 ? second_tag : NULL,
							 .binding = what & 4 ? binding : NULL};
	int nchanges = take_byte(&input) % (MAX_CHANGES + 1);
	Bytes changes = take(&input, 3 * (size_t) nchanges);
	size_t size = envelope_size(&header, input.len);
	uint8_t *sealed = malloc(size);
	uint8_t *changed = malloc(size);
	bool same;
	CryptoStatus status;

	require(sealed != NULL && changed != NULL);
	xaes_use_library(XAES_BY_SIZE);
	require(envelope_seal(key, &header, context, ncontext, input, sealed) == CRYPTO_OK);
	memcpy(changed, sealed, size);
	for (size_t i = 0; i + 3 <= changes.len; i += 3)
		changed[(changes.data[i] << 8 | changes.data[i + 1]) % size] ^= changes.data[i + 2];

	same = memcmp(sealed, changed, size) == 0;
	status = open_with_both(bytes_view(changed, size), context, ncontext, &input);
	require((status == CRYPTO_OK) == same);

	/* One item of context more, or the last one less, opens nothing. */
	if (same && ncontext > 0)
		require(open_with_both(bytes_view(sealed, size), context, ncontext - 1, NULL) ==
				CRYPTO_UNAUTHENTIC);
	free(sealed);
	free(changed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t raw[XAES_KEY_SIZE] = "the key of the fuzzing corpus...";
	Bytes input = bytes_view(data, size);
	Bytes context[MAX_ITEMS];
	uint8_t what = take_byte(&input);
	int ncontext = take_byte(&input) % (MAX_ITEMS + 1);

	if (key == NULL)
	{
		/* Kept in memory that the leak checker does not search. */
		__lsan_disable();
		key = xaes_create(raw);
		__lsan_enable();
		require(key != NULL);
	}

	for (int i = 0; i < ncontext; i++)
	{
		size_t length = take_byte(&input);

		context[i] = take(&input, length);
	}
	if (what & 1)
		seal_and_change(input, what, context, ncontext);
	else
		open_with_both(input, context, ncontext, NULL);
	return 0;
}
