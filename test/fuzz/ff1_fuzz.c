/*
 * ff1_fuzz.c - any radix, tweak and numerals
 *
 * Input: key size and tweak size, a byte each, the radix in four; then the
 * tweak, and two bytes for each numeral. Numerals lie in a block of exactly
 * their size.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/ff1.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static Ff1 *keys[3];
	static const uint8_t key[32] = "the key of the fuzzing corpus...";
	uint32_t radix;
	size_t tweak, count, bytes;
	uint16_t *numerals, *original;
	bool valid;
	Ff1 *ff1;

	for (size_t i = 0; i < 3 && keys[2] == NULL; i++)
		require((keys[i] = ff1_create(bytes_view(key, 16 + 8 * i))) != NULL);
	if (size < 6)
		return 0;
	ff1 = keys[data[0] % 3];
	tweak = data[1] < size - 6 ? data[1] : size - 6;
	radix = bytes_get_u32(data + 2);
	if (data[0] >= 128)
		radix %= FF1_RADIX_MAX + 2; /* or most would be too large */
	count = (size - 6 - tweak) / 2;
	bytes = count * sizeof(*numerals);

	numerals = malloc(bytes + (bytes == 0));
	original = malloc(bytes + (bytes == 0));
	require(numerals != NULL && original != NULL);
	valid = ff1_fits(radix, count);
	for (size_t i = 0; i < count; i++)
	{
		const uint8_t *at = data + 6 + tweak + 2 * i;

		numerals[i] = (uint16_t) (at[0] << 8 | at[1]);
		if (data[0] % 2 == 0 && radix > 0)
			numerals[i] = (uint16_t) (numerals[i] % radix);
		valid = valid && numerals[i] < radix;
	}
	memcpy(original, numerals, bytes);

	if (ff1_encrypt(ff1, radix, bytes_view(data + 6, tweak), numerals, count, numerals) ==
		CRYPTO_OK)
	{
		require(valid);
		for (size_t i = 0; i < count; i++)
			require(numerals[i] < radix);
		require(ff1_decrypt(ff1, radix, bytes_view(data + 6, tweak), numerals, count, numerals) ==
				CRYPTO_OK);
	}
	else
		require(!valid);
	require(memcmp(original, numerals, bytes) == 0);
	free(numerals);
	free(original);
	return 0;
}
