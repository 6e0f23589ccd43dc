/*
 * encoding.c
 *		base64url, and the injective encoding of lists.
 */
#include <sodium.h>

#include "crypto/encoding.h"

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

size_t
base64url_encoded_size(size_t size)
{
	return size / 3 * 4 + (size % 3 == 0 ? 0 : size % 3 + 1);
}

size_t
base64url_decoded_bound(size_t size)
{
	return size / 4 * 3 + 2;
}

void
base64url_encode(Bytes in, char *out)
{
	sodium_bin2base64(out, base64url_encoded_size(in.len) + 1, in.data, in.len, VARIANT);
}

/*
 * Decoding goes eight digits at a time, as the bytes of one word, without a
 * branch or a look-up that depends on them, since they may be a key. libsodium's
 * goes one by one: five times slower, which is most of what reading a token costs.
 */
#define DIGITS 8
#define EACH(byte) (UINT64_C(0x0101010101010101) * (uint8_t) (byte))

/* All ones in each byte that lies between these two. Bytes from 0x80 on give nonsense. */
static inline uint64_t
between(uint64_t word, char first, char last)
{
	uint64_t from = (word | EACH(0x80)) - EACH(first);
	uint64_t beyond = (word | EACH(0x80)) - EACH(last + 1);

	return ((from & ~beyond & EACH(0x80)) >> 7) * 0xff;
}

/* The 48 bits of eight digits; `bad` gets a bit for each byte that is none. */
static inline uint64_t
decode_word(const uint8_t digits[DIGITS], uint64_t *bad)
{
	uint64_t word = bytes_get_u64(digits);
	uint64_t upper = between(word, 'A', 'Z');
	uint64_t lower = between(word, 'a', 'z');
	uint64_t number = between(word, '0', '9');
	uint64_t minus = between(word, '-', '-');
	uint64_t under = between(word, '_', '_');

	*bad |= ~(upper | lower | number | minus | under) | (word & EACH(0x80));

	/* No byte of a digit borrows from the next or carries into it. */
	word -= (upper & EACH('A')) + (lower & EACH('a' - 26)) + (under & EACH('_' - 63));
	word += (number & EACH(52 - '0')) + (minus & EACH(62 - '-'));

	/* Eight times six bits move together: to four times 12, twice 24, 48. */
	word = (word & UINT64_C(0x3f003f003f003f00)) >> 2 | (word & UINT64_C(0x003f003f003f003f));
	word = (word & UINT64_C(0x0fff00000fff0000)) >> 4 | (word & UINT64_C(0x00000fff00000fff));
	return (word & UINT64_C(0x00ffffff00000000)) >> 8 | (word & UINT64_C(0x0000000000ffffff));
}

bool
base64url_decode(Bytes in, uint8_t *out, size_t *size)
{
	size_t rest = in.len % DIGITS;
	size_t rest_size = rest * 6 / 8;
	uint8_t digits[DIGITS], bytes[8];
	uint64_t bad = 0;

	*size = in.len / DIGITS * 6 + rest_size;
	for (size_t i = 0; i + DIGITS <= in.len; i += DIGITS, out += 6)
	{
		bytes_put_u64(bytes, decode_word(in.data + i, &bad) << 16);
		memcpy(out, bytes, 6);
	}
	if (rest > 0)
	{
		/* Digits of zero behind the last one: then the bits behind the last byte must be zero. */
		memset(digits, 'A', DIGITS);
		memcpy(digits, in.data + in.len - rest, rest);
		bytes_put_u64(bytes, decode_word(digits, &bad) << 16);
		memcpy(out, bytes, rest_size);
		for (size_t i = rest_size; i < sizeof(bytes); i++)
			bad |= bytes[i];
	}
	return bad == 0 && in.len % 4 != 1;
}

size_t
list_encoded_size(const Bytes *items, int count)
{
	size_t size = 4;

	for (int i = 0; i < count; i++)
		size += 8 + items[i].len;
	return size;
}

void
list_encode(const Bytes *items, int count, uint8_t *out)
{
	bytes_put_u32(out, (uint32_t) count);
	out += 4;
	for (int i = 0; i < count; i++)
	{
		bytes_put_u64(out, items[i].len);
		out += 8;
		if (items[i].len > 0)
			memcpy(out, items[i].data, items[i].len);
		out += items[i].len;
	}
}
