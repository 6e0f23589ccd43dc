/*
 * encoding.c
 *		base64url on libsodium, and the injective encoding of lists.
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

bool
base64url_decode(Bytes in, uint8_t *out, size_t *size)
{
	const char *end;
	uint8_t seen = 0;

	/* libsodium 1.0.18 takes a byte above 0x7f for a digit where char is signed. */
	for (size_t i = 0; i < in.len; i++)
		seen |= in.data[i];
	if (seen >= 0x80)
		return false;

	return sodium_base642bin(out, base64url_decoded_bound(in.len), (const char *) in.data, in.len,
							 NULL, size, &end, VARIANT) == 0 &&
		   end == (const char *) in.data + in.len;
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
