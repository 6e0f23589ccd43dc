/*
 * envelope_test.c
 *		Envelopes, their encodings, and the example of docs/formats.md.
 *
 * SOURCES: extension/crypto/[a-z]*.c extension/base/secret.c
 */
#include <sodium.h>

#include "base/bytes.h"
#include "crypto/binding.h"
#include "crypto/encoding.h"
#include "crypto/envelope.h"
#include "crypto/hash.h"
#include "crypto/xaes.h"

#include "unit.h"

/* ---------------------------------------------------------------- envelopes */

static const uint8_t search_tag[ENVELOPE_SEARCH_TAG_SIZE] = "0123456789abcde";

static const uint8_t second_tag[ENVELOPE_SEARCH_TAG_SIZE] = "fedcba987654321";

static const uint8_t binding[ENVELOPE_BINDING_SIZE] = "bound to the row";

/* What may stand in a header besides, as the flags that say so; 8 beside 1 alone. */
#define PARTS 16

static EnvelopeHeader
any_header(unsigned int parts)
{
	return (EnvelopeHeader){.kind = ENVELOPE_TEXT,
							.class_id = (uint32_t) any(UINT64_C(1) << 31),
							.key_id = parts & 4 ? 0 : (uint32_t) any(UINT64_C(1) << 32),
							.key_version = parts & 4 ? 0 : (uint32_t) any(UINT64_C(1) << 32),
							.subject_key = parts & 4 ? any(INT64_MAX) + 1 : 0,
							.search_tag = parts & 1 ? search_tag : NULL,
							.second_tag = (parts & 9) == 9 ? second_tag : NULL,
							.binding = parts & 2 ? binding : NULL};
}

static bool
same_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
	return (a == NULL) == (b == NULL) && (a == NULL || memcmp(a, b, size) == 0);
}

static bool
same_header(const EnvelopeHeader *a, const EnvelopeHeader *b)
{
	return a->kind == b->kind && a->class_id == b->class_id && a->key_id == b->key_id &&
		   a->key_version == b->key_version && a->subject_key == b->subject_key &&
		   same_bytes(a->search_tag, b->search_tag, ENVELOPE_SEARCH_TAG_SIZE) &&
		   same_bytes(a->second_tag, b->second_tag, ENVELOPE_SEARCH_TAG_SIZE) &&
		   same_bytes(a->binding, b->binding, ENVELOPE_BINDING_SIZE);
}

/* Parses and opens a copy of exactly these bytes, so that reading past them shows. */
static CryptoStatus
open_copy(XaesKey *key, Bytes envelope, const Bytes *context, int ncontext, uint8_t *plaintext,
		  size_t *size)
{
	uint8_t *copy = malloc(envelope.len > 0 ? envelope.len : 1);
	Envelope parsed;
	CryptoStatus status;

	must(copy);
	if (envelope.len > 0)
		memcpy(copy, envelope.data, envelope.len);
	status = envelope_parse(bytes_view(copy, envelope.len), &parsed);
	*size = 0;
	if (status == CRYPTO_OK)
	{
		*size = parsed.ciphertext.len;
		status = envelope_open(key, &parsed, context, ncontext, plaintext);
	}
	free(copy);
	return status;
}

static void
test_envelope_layout(void)
{
	static const EnvelopeKind kinds[] = {ENVELOPE_BYTEA, ENVELOPE_TEXT, ENVELOPE_DATA_KEY};
	XaesKey *key = key_of_byte(2);
	uint8_t out[200];
	Envelope parsed;
	EnvelopeHeader alone;
	size_t wrong = 0;
	EnvelopeHeader header = {.kind = ENVELOPE_DATA_KEY,
							 .class_id = 0x01020304,
							 .key_id = 0xa0b0c0d0,
							 .key_version = 0xffffffff,
							 .search_tag = search_tag};

	ok(ENVELOPE_MIN_SIZE == 54 && ENVELOPE_MAX_OVERHEAD == 110 && envelope_size(&header, 5) == 75,
	   "an envelope adds 54 bytes, 16 more with each search tag, 16 with a binding, 8 with a "
	   "subject key");
	ok(envelope_seal(key, &header, NULL, 0, STRING("plain"), out) == CRYPTO_OK &&
		   is_hex(bytes_view(out, 30),
				  "01f101020304a0b0c0d0ffffffff30313233343536373839616263646500"),
	   "the header is what docs/formats.md says, byte by byte");
	ok(envelope_parse(bytes_view(out, 75), &parsed) == CRYPTO_OK &&
		   same_header(&parsed.header, &header) && parsed.header_bytes.data == out &&
		   parsed.header_bytes.len == 30 && parsed.nonce == out + 30 &&
		   parsed.ciphertext.data == out + 54 && parsed.ciphertext.len == 5 &&
		   parsed.tag == out + 59 && parsed.header.search_tag == out + 14,
	   "parsing gives back the header and the places of the rest");

	header.binding = binding;
	ok(envelope_seal(key, &header, NULL, 0, STRING("plain"), out) == CRYPTO_OK &&
		   is_hex(bytes_view(out, 46),
				  "01f301020304a0b0c0d0ffffffff30313233343536373839616263646500"
				  "626f756e6420746f2074686520726f77") &&
		   envelope_parse(bytes_view(out, 91), &parsed) == CRYPTO_OK &&
		   same_header(&parsed.header, &header) && parsed.header.binding == out + 30 &&
		   parsed.nonce == out + 46,
	   "a binding stands behind the search tag");
	header.second_tag = second_tag;
	ok(envelope_seal(key, &header, NULL, 0, STRING("plain"), out) == CRYPTO_OK &&
		   is_hex(bytes_view(out, 62),
				  "01fb01020304a0b0c0d0ffffffff30313233343536373839616263646500"
				  "66656463626139383736353433323100626f756e6420746f2074686520726f77") &&
		   envelope_parse(bytes_view(out, 107), &parsed) == CRYPTO_OK &&
		   same_header(&parsed.header, &header) && parsed.header.second_tag == out + 30 &&
		   parsed.header.binding == out + 46 && parsed.nonce == out + 62,
	   "a second tag between the two");
	header.search_tag = NULL;
	ok(envelope_seal(key, &header, NULL, 0, STRING("plain"), out) == CRYPTO_MALFORMED,
	   "and none where there is no first");
	header.second_tag = NULL;
	ok(envelope_seal(key, &header, NULL, 0, STRING("plain"), out) == CRYPTO_OK &&
		   is_hex(bytes_view(out, 30),
				  "01f201020304a0b0c0d0ffffffff626f756e6420746f2074686520726f77") &&
		   envelope_peek(bytes_view(out, 30), &alone) && same_header(&alone, &header) &&
		   !envelope_peek(bytes_view(out, 29), &alone),
	   "a binding without a search tag; the header alone can be parsed");

	header.key_id = header.key_version = 0;
	header.subject_key = UINT64_C(0x0102030405060708);
	ok(envelope_seal(key, &header, NULL, 0, STRING("plain"), out) == CRYPTO_OK &&
		   is_hex(bytes_view(out, 38), "01f60102030400000000000000006"
									   "26f756e6420746f2074686520726f770102030405060708") &&
		   envelope_parse(bytes_view(out, 83), &parsed) == CRYPTO_OK &&
		   same_header(&parsed.header, &header) && parsed.nonce == out + 38,
	   "the number of a subject key stands behind the binding");
	out[6 + any(8)] = 1;
	wrong = envelope_parse(bytes_view(out, 83), &parsed) != CRYPTO_MALFORMED;
	memset(out + 6, 0, 8);
	memset(out + 30, 0, 8);
	wrong += envelope_parse(bytes_view(out, 83), &parsed) != CRYPTO_MALFORMED;
	header.key_version = 1;
	wrong += envelope_seal(key, &header, NULL, 0, STRING("plain"), out) != CRYPTO_MALFORMED;
	ok(wrong == 0, "with a subject key there is no data key, and its number is not 0");

	for (int i = 0; i < 3000; i++)
	{
		size_t size = (size_t) any(60);
		uint8_t plaintext[60], back[60];

		header = any_header((unsigned int) any(PARTS));
		header.kind = kinds[any(LENGTH(kinds))];
		if (any(10) == 0)
			header.class_id = any(2) ? 0 : INT32_MAX;
		fill_any(plaintext, size);
		memset(out, 0x5a, sizeof(out));
		wrong +=
			envelope_seal(key, &header, NULL, 0, bytes_view(plaintext, size), out) != CRYPTO_OK;
		wrong += out[envelope_size(&header, size)] != 0x5a;
		wrong +=
			envelope_parse(bytes_view(out, envelope_size(&header, size)), &parsed) != CRYPTO_OK ||
			!same_header(&parsed.header, &header) || parsed.ciphertext.len != size ||
			envelope_open(key, &parsed, NULL, 0, back) != CRYPTO_OK ||
			memcmp(back, plaintext, size) != 0;
	}
	ok(wrong == 0, "any header and size survives sealing, parsing and opening");
	xaes_free(key);
}

static void
test_envelope_refusals(void)
{
	XaesKey *key = key_of_byte(2);
	EnvelopeHeader header;
	uint8_t out[ENVELOPE_MAX_OVERHEAD + 20], back[200];
	uint8_t plaintext[20];
	Envelope parsed;
	size_t wrong = 0, size;

	/* Every length: too short to parse, or parsed and not authentic, never more. */
	for (unsigned int parts = 0; parts < PARTS; parts++)
	{
		size_t whole, least;

		header = any_header(parts);
		least = envelope_size(&header, 0);
		whole = envelope_size(&header, 20);
		memset(plaintext, 'p', sizeof(plaintext));
		wrong += envelope_seal(key, &header, NULL, 0, bytes_view(plaintext, 20), out) != CRYPTO_OK;
		for (size_t cut = 0; cut <= whole; cut++)
		{
			CryptoStatus expected = cut < least   ? CRYPTO_MALFORMED
									: cut < whole ? CRYPTO_UNAUTHENTIC
												  : CRYPTO_OK;

			memset(back, 0x77, sizeof(back));
			wrong += open_copy(key, bytes_view(out, cut), NULL, 0, back, &size) != expected;
			if (expected == CRYPTO_UNAUTHENTIC)
				wrong += !all_bytes_are(back, 0, size);
		}
		wrong += envelope_parse(bytes_view(NULL, 0), &parsed) != CRYPTO_MALFORMED;
	}
	ok(wrong == 0, "an envelope cut anywhere is refused");

	wrong = 0;
	for (int version = 0; version < 256; version++)
	{
		out[0] = (uint8_t) version;
		wrong += (envelope_parse(bytes_view(out, sizeof(out)), &parsed) == CRYPTO_OK) !=
				 (version == ENVELOPE_VERSION);
	}
	out[0] = ENVELOPE_VERSION;
	ok(wrong == 0, "version 1 and no other parses");

	wrong = 0;
	for (int flags = 0; flags < 16; flags++)
	{
		out[1] = (uint8_t) (ENVELOPE_TEXT << 4 | flags);
		memset(out + 6, flags & 4 ? 0 : 7, 8);
		wrong += (envelope_parse(bytes_view(out, sizeof(out)), &parsed) == CRYPTO_OK) !=
				 ((flags & 9) != 8);
	}
	out[1] = ENVELOPE_TEXT << 4;
	ok(wrong == 0, "flags are refused that say of a second tag, but of no first");

	memcpy(out + 2, "\x80\x00\x00\x00", 4);
	wrong = envelope_parse(bytes_view(out, sizeof(out)), &parsed) != CRYPTO_MALFORMED;
	memcpy(out + 2, "\xff\xff\xff\xff", 4);
	wrong += envelope_parse(bytes_view(out, sizeof(out)), &parsed) != CRYPTO_MALFORMED;
	memcpy(out + 2, "\x7f\xff\xff\xff", 4);
	wrong += envelope_parse(bytes_view(out, sizeof(out)), &parsed) != CRYPTO_OK ||
			 parsed.header.class_id != INT32_MAX;
	ok(wrong == 0, "a class id past INT32_MAX is refused, INT32_MAX is not");

	/* What parsing refuses must never be written: it would be lost. */
	header.class_id = (uint32_t) INT32_MAX + 1;
	wrong = envelope_seal(key, &header, NULL, 0, STRING("x"), out) == CRYPTO_OK;
	header.class_id = 1;
	header.kind = (EnvelopeKind) 16;
	wrong += envelope_seal(key, &header, NULL, 0, STRING("x"), out) == CRYPTO_OK;
	ok(wrong == 0, "a header that does not fit is not sealed");
	xaes_free(key);
}

/* Every bit of an envelope, through every library. */
static void
test_envelope_bit_flips(size_t plaintext_size, unsigned int parts, size_t step)
{
	XaesKey *key = key_of_byte(3);
	EnvelopeHeader header = any_header(parts);
	size_t size = envelope_size(&header, plaintext_size);
	uint8_t *plaintext = must(malloc(plaintext_size + 1));
	uint8_t *out = must(malloc(size));
	uint8_t *back = must(malloc(size));
	Bytes context[] = {STRING("ctx")};
	size_t opened, wrong = 0, flips = 0;

	memset(plaintext, 'p', plaintext_size);
	wrong += envelope_seal(key, &header, context, 1, bytes_view(plaintext, plaintext_size), out) !=
			 CRYPTO_OK;
	for (size_t i = 0; i < nlibraries; i++)
	{
		xaes_use_library(libraries[i].library);
		for (size_t bit = 0; bit < size * 8; bit += bit < 64 * 8 ? 1 : step, flips++)
		{
			CryptoStatus status;

			memset(back, 0x77, size);
			out[bit / 8] ^= (uint8_t) (1 << bit % 8);
			status = open_copy(key, bytes_view(out, size), context, 1, back, &opened);
			out[bit / 8] ^= (uint8_t) (1 << bit % 8);
			if (status == CRYPTO_MALFORMED)
				wrong += !all_bytes_are(back, 0x77, size);
			else
				wrong += status != CRYPTO_UNAUTHENTIC || !all_bytes_are(back, 0, opened) ||
						 !all_bytes_are(back + opened, 0x77, size - opened);
		}
		wrong += open_copy(key, bytes_view(out, size), context, 1, back, &opened) != CRYPTO_OK ||
				 opened != plaintext_size || memcmp(back, plaintext, plaintext_size) != 0;
	}
	ok(wrong == 0, "%zu flipped bits, %zu bytes, flags %u: all noticed, no plaintext left", flips,
	   plaintext_size, parts);
	xaes_use_library(XAES_BY_SIZE);
	xaes_free(key);
	free(plaintext);
	free(out);
	free(back);
}

static void
test_envelope_context(void)
{
	static const uint8_t long_item[1000] = "long";
	Bytes lists[][3] = {
		{{0}},
		{STRING("")},
		{STRING(""), STRING("")},
		{STRING("abc")},
		{STRING("ab"), STRING("c")},
		{STRING("a"), STRING("bc")},
		{STRING("abc"), STRING("")},
		{STRING(""), STRING("abc")},
		{STRING("a"), STRING("b"), STRING("c")},
		{STRING("abc\0")},
		{STRING("\0\0\0\0\0\0\0\0")},
		{bytes_view(long_item, 1000)},
		{bytes_view(long_item, 999)},
		{bytes_view(long_item, 500), bytes_view(long_item + 500, 500)},
	};
	static const int counts[LENGTH(lists)] = {0, 1, 2, 1, 2, 2, 2, 2, 3, 1, 1, 1, 1, 2};
	XaesKey *key = key_of_byte(4);
	XaesKey *other = key_of_byte(5);
	size_t wrong = 0, size;
	uint8_t out[ENVELOPE_MAX_OVERHEAD + 6], back[6];

	for (size_t n = 0; n < 2 * LENGTH(lists); n++)
	{
		size_t i = n / 2;
		EnvelopeHeader header = any_header(n % PARTS);

		wrong +=
			envelope_seal(key, &header, lists[i], counts[i], STRING("secret"), out) != CRYPTO_OK;
		for (size_t j = 0; j < LENGTH(lists); j++)
		{
			CryptoStatus status = open_copy(key, bytes_view(out, envelope_size(&header, 6)),
											lists[j], counts[j], back, &size);

			if (i == j)
				wrong += status != CRYPTO_OK || memcmp(back, "secret", 6) != 0;
			else
				wrong += status != CRYPTO_UNAUTHENTIC || !all_bytes_are(back, 0, 6);
		}
		wrong += open_copy(other, bytes_view(out, envelope_size(&header, 6)), lists[i], counts[i],
						   back, &size) != CRYPTO_UNAUTHENTIC;
	}
	ok(wrong == 0,
	   "an envelope opens under its own key and context, split as it was, and no other");
	xaes_free(key);
	xaes_free(other);
}

/* ---------------------------------------------------------------- encodings */

static void
test_list_encoding(void)
{
	enum
	{
		LISTS = 1500,
		MAX_ITEMS = 4
	};
	static struct
	{
		uint8_t bytes[MAX_ITEMS][4];
		Bytes items[MAX_ITEMS];
		int count;
		uint8_t encoded[4 + MAX_ITEMS * 12];
		size_t size;
	} lists[LISTS];
	Bytes abc[] = {STRING("a"), STRING(""), STRING("bc")};
	uint8_t out[64];
	size_t wrong = 0, equal = 0;

	list_encode(abc, 3, out);
	ok(list_encoded_size(abc, 3) == 31 &&
		   is_hex(bytes_view(out, 31), "0000000300000000000000016100000000000000000000000"
									   "0000000026263"),
	   "the encoding of a list is what docs/formats.md says");
	list_encode(NULL, 0, out);
	ok(list_encoded_size(NULL, 0) == 4 && is_hex(bytes_view(out, 4), "00000000"),
	   "the encoding of the empty list");

	/* Few values, so that equal lists and lists that only look alike both come up. */
	for (size_t n = 0; n < LISTS; n++)
	{
		lists[n].count = (int) any(MAX_ITEMS + 1);
		for (int i = 0; i < lists[n].count; i++)
		{
			for (int b = 0; b < 4; b++)
				lists[n].bytes[i][b] = (uint8_t) any(2);
			lists[n].items[i] = bytes_view(lists[n].bytes[i], (size_t) any(4));
		}
		lists[n].size = list_encoded_size(lists[n].items, lists[n].count);
		list_encode(lists[n].items, lists[n].count, lists[n].encoded);
		for (size_t m = 0; m < n; m++)
		{
			bool same = lists[n].count == lists[m].count;

			for (int i = 0; same && i < lists[n].count; i++)
				same = bytes_equal(lists[n].items[i], lists[m].items[i]);
			equal += same;
			wrong += same != bytes_equal(bytes_view(lists[n].encoded, lists[n].size),
										 bytes_view(lists[m].encoded, lists[m].size));

			/* Nor is one the beginning of another, so what follows it cannot be mistaken. */
			wrong += !same && lists[m].size <= lists[n].size &&
					 memcmp(lists[n].encoded, lists[m].encoded, lists[m].size) == 0;
		}
	}
	ok(wrong == 0 && equal > 0, "different lists, different bytes (%d lists, %zu equal pairs)",
	   LISTS, equal);
}

/* Decodes a copy of exactly these characters, into exactly the promised bound. */
static bool
decodes(Bytes text, uint8_t *result, size_t *size)
{
	char *copy = must(malloc(text.len + 1));
	uint8_t *out = must(malloc(base64url_decoded_bound(text.len)));
	bool good;

	copy = must(realloc(copy, text.len > 0 ? text.len : 1));
	memcpy(copy, text.data, text.len);
	good = base64url_decode(bytes_view(copy, text.len), out, size);
	if (good)
		memcpy(result, out, *size);
	free(copy);
	free(out);
	return good;
}

static void
test_base64url(void)
{
	static const struct
	{
		const char *bytes, *text;
	} vectors[] = {
		{"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
		{"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"}};
	static const char *const refused[] = {
		"Zg==",   "Zm8=",    "Zm9v=",    "Zm9vYg==", "=",        "====", " Zm9v", "Zm9v ",
		"Zm9v\n", "Zm\n9v",  "Zm9v\r\n", "Zm 9v",    "\tZg",     "-_+_", "+_-_",  "/_-_",
		"Zh",     "Zn",      "Zv",       "Zm9vYh",   "Zm9",      "Zm-",  "Z",     "Zm9vY",
		"Zm9v.",  "Zm9v,Zm", "\xc3\xa9", "Zm9v\xff", "Zm9v\x80", "Z===", "*",
	};
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char text[200];
	uint8_t bytes[150], back[150];
	size_t wrong = 0, size;

	for (size_t i = 0; i < LENGTH(vectors); i++)
	{
		base64url_encode(bytes_of_string(vectors[i].bytes), text);
		wrong += strcmp(text, vectors[i].text) != 0;
		wrong += !decodes(bytes_of_string(vectors[i].text), back, &size) ||
				 !bytes_equal(bytes_view(back, size), bytes_of_string(vectors[i].bytes));
	}
	ok(wrong == 0, "base64url: RFC 4648 section 10, in the URL alphabet, unpadded");

	wrong = 0;
	for (size_t i = 0; i < LENGTH(refused); i++)
	{
		if (decodes(bytes_of_string(refused[i]), back, &size))
			wrong += !!printf("# accepted: \"%s\"\n", refused[i]);
	}
	wrong += decodes(bytes_view("Zm9v\0", 5), back, &size);
	wrong += decodes(bytes_view("Zm\0v", 4), back, &size);
	ok(wrong == 0, "base64url: padding, white space, other alphabets, stray bits are refused");

	/* Every byte in every place, beside digits that differ: of whole words, and of the rest. */
	wrong = 0;
	for (size_t length = 20; length <= 24; length += 4)
	{
		for (size_t place = 0; place < length; place++)
		{
			for (int c = 0; c < 256; c++)
			{
				for (size_t i = 0; i < length; i++)
					text[i] = alphabet[any(64)];
				text[place] = (char) c;
				wrong += decodes(bytes_view(text, length), back, &size) !=
						 (c != 0 && strchr(alphabet, c) != NULL);
			}
		}
	}
	ok(wrong == 0, "base64url: 64 characters and no others, at every place");

	wrong = 0;
	for (size_t length = 0; length <= 70; length++)
	{
		for (int n = 0; n < 50; n++)
		{
			fill_any(bytes, length);
			memset(text, 'x', sizeof(text));
			base64url_encode(bytes_view(bytes, length), text);
			wrong += strlen(text) != base64url_encoded_size(length) ||
					 text[base64url_encoded_size(length) + 1] != 'x' ||
					 base64url_decoded_bound(strlen(text)) < length ||
					 !decodes(bytes_of_string(text), back, &size) || size != length ||
					 memcmp(back, bytes, length) != 0;
		}
	}
	ok(wrong == 0, "base64url: every length from 0 to 70 survives");

	/* Whatever is accepted is what would have been written: one text for each bytes. */
	wrong = 0;
	for (int n = 0; n < 200000; n++)
	{
		size_t length = (size_t) any(20), expected_size;
		char again[40];
		bool expected;

		for (size_t i = 0; i < length; i++)
			text[i] = alphabet[any(64)];
		expected = sodium_base642bin(bytes, sizeof(bytes), text, length, NULL, &expected_size, NULL,
									 sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
		if (decodes(bytes_view(text, length), back, &size) != expected)
			wrong++;
		if (!expected)
			continue;
		base64url_encode(bytes_view(back, size), again);
		wrong += strlen(again) != length || memcmp(again, text, length) != 0;
		wrong += size != expected_size || memcmp(bytes, back, size) != 0;
	}
	ok(wrong == 0, "base64url: what decodes encodes to itself, and libsodium agrees");
}

static void
test_envelope_text(void)
{
	XaesKey *key = key_of_byte(6);
	uint8_t out[ENVELOPE_MAX_OVERHEAD + 70], back[ENVELOPE_MAX_OVERHEAD + 80];
	uint8_t plaintext[70];
	char text[300];
	size_t wrong = 0, size, length;

	for (size_t n = 0; n <= 140; n++)
	{
		EnvelopeHeader header = any_header(n % PARTS);

		fill_any(plaintext, n / 2);
		wrong +=
			envelope_seal(key, &header, NULL, 0, bytes_view(plaintext, n / 2), out) != CRYPTO_OK;
		size = envelope_size(&header, n / 2);
		memset(text, 'x', sizeof(text));
		envelope_to_text(bytes_view(out, size), text);
		length = strlen(text);
		wrong += length != envelope_text_size(size) || strncmp(text, "$tarot1$", 8) != 0 ||
				 text[length + 1] != 'x' || envelope_from_text_bound(length) > sizeof(back) ||
				 envelope_from_text_bound(length) < size;
		wrong +=
			!envelope_is_text(bytes_view(text, length)) ||
			envelope_from_text(bytes_view(text, length), back, &size) != CRYPTO_OK ||
			!bytes_equal(bytes_view(back, size), bytes_view(out, envelope_size(&header, n / 2)));
		wrong += envelope_from_text(bytes_view(text, length + 1), back, &size) == CRYPTO_OK;

		/* Cut short, it never is an envelope with something else in it. */
		for (size_t cut = 0; cut < length; cut++)
		{
			Envelope parsed;

			if (envelope_from_text(bytes_view(text, cut), back, &size) != CRYPTO_OK)
				continue;
			wrong += envelope_parse(bytes_view(back, size), &parsed) != CRYPTO_OK ||
					 envelope_open(key, &parsed, NULL, 0, plaintext) != CRYPTO_UNAUTHENTIC;
		}
	}
	ok(wrong == 0, "the text form gives back the envelope, whole or not at all");
	ok(!envelope_is_text(STRING("$tarot1")) && !envelope_is_text(STRING("$tarot2$AAAA")) &&
		   !envelope_is_text(STRING(" $tarot1$")) && !envelope_is_text(bytes_view(NULL, 0)) &&
		   envelope_is_text(STRING("$tarot1$")),
	   "the prefix alone tells the text form");
	ok(envelope_from_text(STRING("$tarot1$"), back, &size) == CRYPTO_MALFORMED &&
		   envelope_from_text(STRING("$tarot1$AQ"), back, &size) == CRYPTO_MALFORMED &&
		   envelope_from_text(STRING("$Tarot1$AQ"), back, &size) == CRYPTO_MALFORMED,
	   "a prefix with no envelope behind it is malformed");
	xaes_free(key);
}

/* ---------------------------------------------------------------- bindings */

static void
test_binding(void)
{
	static const uint8_t id[2][BINDING_ID_SIZE] = {"the binding's id", "another's own id"};
	static uint8_t long_item[5000];
	Bytes lists[][2] = {{{0}},
						{STRING("")},
						{STRING(""), STRING("")},
						{STRING("tab")},
						{STRING("ta"), STRING("b")},
						{STRING("t"), STRING("ab")},
						{STRING("ib")},
						{bytes_view(long_item, 4999)},
						{bytes_view(long_item, 5000)}};
	static const int counts[LENGTH(lists)] = {0, 1, 2, 1, 2, 2, 1, 1, 1};
	uint8_t out[2 * LENGTH(lists)][ENVELOPE_BINDING_SIZE], again[ENVELOPE_BINDING_SIZE];
	Bytes many[BINDING_ITEMS_MAX + 1];
	size_t wrong = 0;

	for (size_t i = 0; i < 2 * LENGTH(lists); i++)
	{
		wrong += binding_compute(id[i % 2], lists[i / 2], counts[i / 2], out[i]) != CRYPTO_OK ||
				 binding_compute(id[i % 2], lists[i / 2], counts[i / 2], again) != CRYPTO_OK ||
				 memcmp(out[i], again, sizeof(again)) != 0;
		for (size_t j = 0; j < i; j++)
			wrong += memcmp(out[i], out[j], sizeof(again)) == 0;
	}
	ok(wrong == 0, "other rows, and the same row of other columns, have other bindings");
	for (int i = 0; i <= BINDING_ITEMS_MAX; i++)
		many[i] = STRING("i");
	ok(binding_compute(id[0], many, BINDING_ITEMS_MAX, again) == CRYPTO_OK &&
		   binding_compute(id[0], many, BINDING_ITEMS_MAX + 1, again) != CRYPTO_OK,
	   "a binding has as many items as an index has columns, and no more");
}

/* ---------------------------------------------------------------- the worked example */

/*
 * The values of docs/formats.md, "A complete example": computed by another
 * program, so this also shows that the document and this code agree.
 */
static void
test_worked_example(void)
{
	uint8_t root[32], ring[16], wrapping[32], data_key[32], sealing[32], expected[32];
	uint8_t envelope[200], again[200], fingerprint[16], plaintext[32];
	Bytes wrap_context[] = {STRING("data key"), bytes_view(ring, 16)};
	Bytes subject_context[] = {STRING("subject key"), bytes_view(again, 8),
							   bytes_view(fingerprint, 16)};
	Bytes context[] = {STRING("reading"), STRING("1042")};
	Bytes message[2];
	Bytes bytes;
	Envelope parsed;
	XaesKey *key;
	Hmac *hmac;
	size_t size;
	bool good;

	unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", root);
	unhex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf", ring);
	unhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0", expected);

	ok(hkdf_sha256(bytes_view(root, 32), bytes_view(NULL, 0),
				   STRING("tarot_security v1 fingerprint"), fingerprint, 16) == CRYPTO_OK &&
		   is_hex(bytes_view(fingerprint, 16), "0c677d8f9f8b4aae32e0639c8e379bc7"),
	   "example: the fingerprint of the root key");
	ok(hkdf_sha256(bytes_view(root, 32), bytes_view(NULL, 0), STRING("tarot_security v1 wrap"),
				   wrapping, 32) == CRYPTO_OK &&
		   is_hex(bytes_view(wrapping, 32),
				  "0689d27b49786922e569e856616e2066bef2f14631a17dc8ac2af752f959aedb"),
	   "example: the wrapping key");

	bytes = unhex("01f0000000000000000700000002404142434445464748494a4b4c4d4e4f5051525354555657"
				  "2a96fca93379ffc5132ac1aa6abca814c8b4dab1e10f9da42e732ac80f7edf1d"
				  "16af7d7cd1a35d90af09562a5f3cff74",
				  envelope);
	key = must(xaes_create(wrapping));
	good = envelope_parse(bytes, &parsed) == CRYPTO_OK && parsed.header.kind == ENVELOPE_DATA_KEY &&
		   parsed.header.class_id == 0 && parsed.header.key_id == 7 &&
		   parsed.header.key_version == 2 && parsed.ciphertext.len == 32 &&
		   envelope_open(key, &parsed, wrap_context, 2, data_key) == CRYPTO_OK &&
		   memcmp(data_key, expected, 32) == 0;
	ok(good, "example: the data key opens under the wrapping key");
	xaes_free(key);

	ok(good &&
		   hkdf_sha256(bytes_view(data_key, 32), bytes_view(NULL, 0),
					   STRING("tarot_security v1 seal"), sealing, 32) == CRYPTO_OK &&
		   is_hex(bytes_view(sealing, 32),
				  "cb07f5ad672a60e98ea9e485c93051753c4d6a0e080c42d16842e8be7b535299"),
	   "example: the sealing key");
	key = must(xaes_create(sealing));
	good =
		envelope_from_text(STRING("$tarot1$ARAAAAAAAAAABwAAAAJgYWJjZGVmZ2hpamtsbW5vcHFyc3R1dncsoEFh"
								  "0aDQ55vxMX0GrRK9iIRmIdfvQL-7hf485dui-UNY"),
						   envelope, &size) == CRYPTO_OK &&
		is_hex(bytes_view(envelope, size),
			   "0110000000000000000700000002606162636465666768696a6b6c6d6e6f70717273747576772ca0"
			   "4161d1a0d0e79bf1317d06ad12bd88846621d7ef40bfbb85fe3ce5dba2f94358") &&
		envelope_parse(bytes_view(envelope, size), &parsed) == CRYPTO_OK &&
		envelope_open(key, &parsed, context, 2, plaintext) == CRYPTO_OK &&
		bytes_equal(bytes_view(plaintext, parsed.ciphertext.len), STRING("The Star, reversed"));
	ok(good, "example: the envelope opens");

	/* The other way: the same AAD, given to the cipher with the example's nonce. */
	bytes =
		unhex("011000000000000000070000000200000002000000000000000772656164696e670000000000000004"
			  "31303432",
			  again);
	ok(good &&
		   xaes_seal(key, envelope + 14, bytes, STRING("The Star, reversed"), again + 100,
					 again + 118) == CRYPTO_OK &&
		   memcmp(again + 100, envelope + 38, 34) == 0,
	   "example: its authenticated data, as written in the document, seals the same");

	bytes = unhex(
		"01112b3c4d5e000000070000000201ac7031f9902423d4be6530fe6ccf37808182838485868788898a8b8c"
		"8d8e8f9091929394959697f0f47b07b280848d39f41bf77e8c7c3f61deb1fbe40005007419d51308a85b"
		"d8",
		envelope);
	good =
		envelope_parse(bytes, &parsed) == CRYPTO_OK && parsed.header.class_id == 0x2b3c4d5e &&
		parsed.header.search_tag != NULL &&
		envelope_open(key, &parsed, NULL, 0, plaintext) == CRYPTO_OK &&
		bytes_equal(bytes_view(plaintext, parsed.ciphertext.len), STRING("zo\xc3\xab@example.org"));
	ok(good, "example: a column's envelope, with a search tag and no context");

	bytes = unhex("0000000200000000000000187461726f745f73656375726974792076312064657269766500000000"
				  "0000000b7365617263682b3c4d5e01",
				  again);
	good = good && hkdf_sha256(bytes_view(data_key, 32), bytes_view(NULL, 0), bytes, sealing, 32) ==
					   CRYPTO_OK;
	hmac = must(hmac_create(bytes_view(sealing, 32)));
	message[0] = STRING("\x01");
	message[1] = STRING("zo\xc3\xab@example.org");
	ok(good && hmac_compute(hmac, message, 2, again) == CRYPTO_OK &&
		   memcmp(again, parsed.header.search_tag + 1, ENVELOPE_SEARCH_TAG_SIZE - 1) == 0 &&
		   parsed.header.search_tag[0] == 1,
	   "example: its search tag");
	hmac_free(hmac);

	/* While its class changes the search key. */
	bytes = unhex("0000000200000000000000187461726f745f73656375726974792076312064657269766500000000"
				  "0000000b7365617263682b3c4d5e02",
				  again);
	good =
		hkdf_sha256(bytes_view(data_key, 32), bytes_view(NULL, 0), bytes, sealing, 32) == CRYPTO_OK;
	hmac = must(hmac_create(bytes_view(sealing, 32)));
	good = good && hmac_compute(hmac, message, 2, again) == CRYPTO_OK;
	hmac_free(hmac);
	bytes = unhex(
		"01192b3c4d5e000000070000000201ac7031f9902423d4be6530fe6ccf370265bcdc8b3ba5f13910b5f48a3d"
		"cbb3c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d736347f6f6f8572029e2266ea31c6e1888954"
		"2d8fc41e852dd1dc3681bd71411f",
		envelope);
	ok(good && envelope_parse(bytes, &parsed) == CRYPTO_OK && parsed.header.second_tag != NULL &&
		   parsed.header.second_tag[0] == 2 &&
		   memcmp(again, parsed.header.second_tag + 1, ENVELOPE_SEARCH_TAG_SIZE - 1) == 0 &&
		   envelope_open(key, &parsed, NULL, 0, plaintext) == CRYPTO_OK &&
		   bytes_equal(bytes_view(plaintext, parsed.ciphertext.len),
					   STRING("zo\xc3\xab@example.org")),
	   "example: an envelope with two search tags");

	/* A value that is bound to the row with number 42. */
	unhex("b0b1b2b3b4b5b6b7b8b9babbbcbdbebf", ring);
	unhex("69000000000000002a", again);
	bytes = bytes_view(again, 9);
	ok(binding_compute(ring, &bytes, 1, fingerprint) == CRYPTO_OK &&
		   is_hex(bytes_view(fingerprint, 16), "a1e70686a1991b27da2f911efda59722"),
	   "example: the binding of a row");
	bytes =
		unhex("01122b3c4d5e0000000700000002a1e70686a1991b27da2f911efda59722e0e1e2e3e4e5e6e7e8e9ea"
			  "ebecedeeeff0f1f2f3f4f5f6f775f9fe214b1d2f6e2bec7d2bdf46a7a6ad4226f6e049c02fcfb88521"
			  "a8c506eee1d9a4",
			  envelope);
	good = envelope_parse(bytes, &parsed) == CRYPTO_OK && parsed.header.binding != NULL &&
		   memcmp(parsed.header.binding, fingerprint, 16) == 0 &&
		   parsed.header.search_tag == NULL &&
		   envelope_open(key, &parsed, NULL, 0, plaintext) == CRYPTO_OK &&
		   bytes_equal(bytes_view(plaintext, parsed.ciphertext.len), STRING("4111 1111 1111 1111"));
	ok(good, "example: an envelope that is bound to it");

	/* A subject key, and a value under it. */
	unhex("0123456789abcdef", again);
	unhex("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf", fingerprint);
	unhex("dfdedddcdbdad9d8d7d6d5d4d3d2d1d0cfcecdcccbcac9c8c7c6c5c4c3c2c1c0", expected);
	bytes = unhex("01e02b3c4d5e0000000700000002202122232425262728292a2b2c2d2e2f303132333435363782"
				  "2cf146236f175777885ff5fdb7b75b9686a40439d184f367fee7c9731f1ff9d3786e065e19a4b7"
				  "9f419fd2e0deb281",
				  envelope);
	good = envelope_parse(bytes, &parsed) == CRYPTO_OK &&
		   parsed.header.kind == ENVELOPE_SUBJECT_KEY &&
		   envelope_open(key, &parsed, subject_context, 3, plaintext) == CRYPTO_OK &&
		   memcmp(plaintext, expected, 32) == 0;
	ok(good, "example: the subject key opens under the sealing key");
	bytes = unhex("01142b3c4d5e00000000000000000123456789abcdef101112131415161718191a1b1c1d1e1f2021"
				  "222324252627"
				  "9ce3aaccac892628f7f2c6de430fda3b52dd8e029e30f6a5d4",
				  envelope);
	good = xaes_rekey(key, plaintext) && envelope_parse(bytes, &parsed) == CRYPTO_OK &&
		   parsed.header.subject_key == UINT64_C(0x0123456789abcdef) &&
		   envelope_open(key, &parsed, NULL, 0, plaintext) == CRYPTO_OK &&
		   bytes_equal(bytes_view(plaintext, parsed.ciphertext.len), STRING("Cassandra"));
	ok(good, "example: a value under a subject key");
	xaes_free(key);
}

int
main(void)
{
	begin();
	test_envelope_layout();
	test_envelope_refusals();
	test_envelope_bit_flips(0, 0, 1);
	test_envelope_bit_flips(0, PARTS - 1, 1);
	test_envelope_bit_flips(20, 0, 1);
	for (unsigned int parts = 1; parts < PARTS; parts++)
		test_envelope_bit_flips(20, parts, 1);
	test_envelope_bit_flips(2000, PARTS - 1, 7);
	test_envelope_context();
	test_list_encoding();
	test_base64url();
	test_envelope_text();
	test_binding();
	test_worked_example();
	return end();
}
