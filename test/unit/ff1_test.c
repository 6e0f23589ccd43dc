/*
 * ff1_test.c
 *		FF1: the samples of NIST, a second implementation, and that it permutes.
 */
#include <openssl/bn.h>
#include <openssl/evp.h>

#include "crypto/ff1.h"

#include "unit.h"

#define KEY "2b7e151628aed2a6abf7158809cf4f3cef4359d8d580aa4f7f036d6f04fc6a94"

static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* ---------------------------------------------------------------- samples */

/* NIST, "Examples with Intermediate Values", FF1 samples 1 to 9 */
static const struct
{
	size_t key_size;
	uint32_t radix;
	const char *tweak;
	const char *in;
	const char *out;
} samples[] = {
	{16, 10, "", "0123456789", "2433477484"},
	{16, 10, "39383736353433323130", "0123456789", "6124200773"},
	{16, 36, "3737373770717273373737", "0123456789abcdefghi", "a9tv40mll9kdu509eum"},
	{24, 10, "", "0123456789", "2830668132"},
	{24, 10, "39383736353433323130", "0123456789", "2496655549"},
	{24, 36, "3737373770717273373737", "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"},
	{32, 10, "", "0123456789", "6657667009"},
	{32, 10, "39383736353433323130", "0123456789", "1001623463"},
	{32, 36, "3737373770717273373737", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"},
};

static void
check_samples(void)
{
	for (size_t i = 0; i < LENGTH(samples); i++)
	{
		uint8_t key[32], tweak[16];
		uint16_t numerals[32];
		char out[33] = {0};
		size_t count = strlen(samples[i].in);
		Bytes t = unhex(samples[i].tweak, tweak);
		Ff1 *ff1;
		bool back = true;

		unhex(KEY, key);
		ff1 = must(ff1_create(bytes_view(key, samples[i].key_size)));
		for (size_t n = 0; n < count; n++)
			numerals[n] = (uint16_t) (strchr(alphabet, samples[i].in[n]) - alphabet);
		ok(ff1_encrypt(ff1, samples[i].radix, t, numerals, count, numerals) == CRYPTO_OK,
		   "NIST's sample %zu encrypts", i + 1);
		for (size_t n = 0; n < count; n++)
			out[n] = alphabet[numerals[n]];
		ok(strcmp(out, samples[i].out) == 0, "NIST's sample %zu is %s", i + 1, out);
		back = ff1_decrypt(ff1, samples[i].radix, t, numerals, count, numerals) == CRYPTO_OK;
		for (size_t n = 0; n < count; n++)
			back = back && alphabet[numerals[n]] == samples[i].in[n];
		ok(back, "NIST's sample %zu decrypts", i + 1);
		ff1_free(ff1);
	}
}

/* ---------------------------------------------------------------- a second FF1 */

/*
 * Straight from SP 800-38G, algorithms 6 and 7, in its order of steps, on
 * OpenSSL's numbers of any size: slow, and written apart from ff1.c, which it judges.
 */
static BIGNUM *
reference_number(uint32_t radix, const uint16_t *numerals, size_t count)
{
	BIGNUM *number = must(BN_new());

	BN_zero(number);
	for (size_t i = 0; i < count; i++)
	{
		BN_mul_word(number, radix);
		BN_add_word(number, numerals[i]);
	}
	return number;
}

static void
reference_cipher(Bytes key, const uint8_t in[16], uint8_t out[16])
{
	EVP_CIPHER_CTX *ctx = must(EVP_CIPHER_CTX_new());
	int written;

	EVP_EncryptInit_ex(ctx,
					   key.len == 16   ? EVP_aes_128_ecb()
					   : key.len == 24 ? EVP_aes_192_ecb()
									   : EVP_aes_256_ecb(),
					   NULL, key.data, NULL);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	EVP_EncryptUpdate(ctx, out, &written, in, 16);
	EVP_CIPHER_CTX_free(ctx);
}

static void
reference_prf(Bytes key, const uint8_t *blocks, size_t size, uint8_t out[16])
{
	memset(out, 0, 16);
	for (size_t at = 0; at < size; at += 16)
	{
		for (size_t i = 0; i < 16; i++)
			out[i] ^= blocks[at + i];
		reference_cipher(key, out, out);
	}
}

static void
reference_encrypt(Bytes key, uint32_t radix, Bytes tweak, uint16_t *numerals, size_t n)
{
	size_t u = n / 2, v = n - u;
	uint16_t a[1024], b[1024], c[1024];
	size_t a_size = u, b_size = v;
	BN_CTX *ctx = must(BN_CTX_new());
	BIGNUM *radix_number = must(BN_new()), *modulus = must(BN_new()), *power = must(BN_new());
	uint8_t *input = must(calloc(1, 16 + tweak.len + 16 + 1024));
	size_t bytes, d;

	memcpy(a, numerals, u * sizeof(*a));
	memcpy(b, numerals + u, v * sizeof(*b));
	BN_set_word(radix_number, radix);
	BN_set_word(power, v);
	BN_exp(modulus, radix_number, power, ctx);
	BN_sub_word(modulus, 1); /* ceil(log2(x)) is the size of x - 1 in bits */
	bytes = (size_t) (BN_num_bits(modulus) + 7) / 8;
	d = 4 * ((bytes + 3) / 4) + 4;

	for (int i = 0; i < 10; i++)
	{
		const uint8_t p[16] = {1,
							   2,
							   1,
							   (uint8_t) (radix >> 16),
							   (uint8_t) (radix >> 8),
							   (uint8_t) radix,
							   10,
							   (uint8_t) (u % 256),
							   (uint8_t) (n >> 24),
							   (uint8_t) (n >> 16),
							   (uint8_t) (n >> 8),
							   (uint8_t) n,
							   (uint8_t) (tweak.len >> 24),
							   (uint8_t) (tweak.len >> 16),
							   (uint8_t) (tweak.len >> 8),
							   (uint8_t) tweak.len};
		size_t zeros = (16 - (tweak.len + bytes + 1) % 16) % 16;
		size_t size = 16 + tweak.len + zeros;
		BIGNUM *number = reference_number(radix, b, b_size);
		size_t m = i % 2 == 0 ? u : v;
		uint8_t r[16], s[16 * 16];
		BIGNUM *y, *sum;

		memset(input, 0, size);
		memcpy(input, p, 16);
		if (tweak.len > 0)
			memcpy(input + 16, tweak.data, tweak.len);
		input[size++] = (uint8_t) i;
		BN_bn2binpad(number, input + size, (int) bytes);
		size += bytes;
		reference_prf(key, input, size, r);
		memcpy(s, r, 16);
		for (size_t j = 1; j * 16 < d; j++)
		{
			uint8_t block[16];

			memcpy(block, r, 16);
			block[15] ^= (uint8_t) j;
			reference_cipher(key, block, s + 16 * j);
		}
		y = must(BN_bin2bn(s, (int) d, NULL));
		sum = reference_number(radix, a, a_size);
		BN_add(sum, sum, y);
		BN_set_word(power, m);
		BN_exp(modulus, radix_number, power, ctx);
		BN_mod(sum, sum, modulus, ctx);
		for (size_t j = m; j-- > 0;)
			c[j] = (uint16_t) BN_div_word(sum, radix);

		memcpy(a, b, b_size * sizeof(*a));
		a_size = b_size;
		memcpy(b, c, m * sizeof(*b));
		b_size = m;
		BN_free(number);
		BN_free(y);
		BN_free(sum);
	}
	memcpy(numerals, a, a_size * sizeof(*a));
	memcpy(numerals + a_size, b, b_size * sizeof(*b));
	BN_free(radix_number);
	BN_free(modulus);
	BN_free(power);
	BN_CTX_free(ctx);
	free(input);
}

static size_t
width(uint32_t radix)
{
	size_t bits = 0;

	for (radix--; radix > 0; radix >>= 1)
		bits++;
	return bits;
}

static bool
agree(uint32_t radix, size_t count, size_t tweak_size)
{
	uint8_t key[32], tweak[64];
	Bytes k = bytes_view(key, 16 + 8 * any(3));
	Bytes t = bytes_view(tweak, tweak_size);
	uint16_t *in = must(malloc(count * sizeof(*in)));
	uint16_t *out = must(malloc(count * sizeof(*in)));
	uint16_t *expected = must(malloc(count * sizeof(*in)));
	bool extreme = any(4) == 0;
	bool same;
	Ff1 *ff1;

	fill_any(key, sizeof(key));
	fill_any(tweak, sizeof(tweak));
	for (size_t i = 0; i < count; i++)
		in[i] = (uint16_t) (extreme ? (any(2) ? radix - 1 : 0) : any(radix));
	memcpy(expected, in, count * sizeof(*in));
	reference_encrypt(k, radix, t, expected, count);
	ff1 = must(ff1_create(k));
	same = ff1_encrypt(ff1, radix, t, in, count, out) == CRYPTO_OK &&
		   memcmp(out, expected, count * sizeof(*in)) == 0 &&
		   ff1_decrypt(ff1, radix, t, out, count, out) == CRYPTO_OK &&
		   memcmp(out, in, count * sizeof(*in)) == 0;
	if (!same)
		printf("# radix %u, %zu numerals, tweak of %zu\n", radix, count, tweak_size);
	ff1_free(ff1);
	free(in);
	free(out);
	free(expected);
	return same;
}

static void
check_reference(void)
{
	/* Where limbs change their size, where they are full, and what is in use. */
	static const uint32_t radices[] = {2,    3,    4,     5,     7,     10,    16,    26,   36,
									   52,   62,   64,    255,   256,   257,   1024,  1625, 1626,
									   1627, 4096, 10000, 20902, 32767, 32768, 65535, 65536};
	bool same = true;

	for (size_t i = 0; i < LENGTH(radices); i++)
	{
		size_t most = FF1_BITS_MAX / width(radices[i]);
		size_t least = 2;

		while (!ff1_fits(radices[i], least))
			least++;
		for (size_t count = least; count < least + 12; count++)
			same = same && agree(radices[i], count, any(20));
		for (size_t tweak = 0; tweak <= 33; tweak++)
			same = same && agree(radices[i], least + any(most - least + 1), tweak);
		same = same && agree(radices[i], most, 11) && agree(radices[i], most - 1, 12);
	}
	ok(same, "as the second implementation has it, for radices where something changes");

	same = true;
	for (int i = 0; i < 3000; i++)
	{
		uint32_t radix = 2 + (uint32_t) any(any(2) ? 100 : FF1_RADIX_MAX - 1);
		size_t count = 2 + any(FF1_BITS_MAX / width(radix) - 1);

		if (ff1_fits(radix, count))
			same = same && agree(radix, count, any(64));
	}
	ok(same, "as the second implementation has it, for random ones");
}

/* ---------------------------------------------------------------- all of a domain */

static void
check_permutation(uint32_t radix, size_t count)
{
	static uint8_t seen[1 << 20];
	uint8_t key[32];
	uint32_t strings = 1;
	uint32_t fixed = 0;
	bool once = true, back = true;
	Ff1 *ff1;

	fill_any(key, sizeof(key));
	ff1 = must(ff1_create(bytes_view(key, 32)));
	for (size_t i = 0; i < count; i++)
		strings *= radix;
	if (strings > sizeof(seen))
		die("no room");
	memset(seen, 0, sizeof(seen));
	for (uint32_t n = 0; n < strings; n++)
	{
		uint16_t in[20], out[20];
		uint32_t left = n, image = 0;

		for (size_t i = count; i-- > 0; left /= radix)
			in[i] = (uint16_t) (left % radix);
		if (ff1_encrypt(ff1, radix, STRING("a tweak"), in, count, out) != CRYPTO_OK)
			die("it does not encrypt");
		for (size_t i = 0; i < count; i++)
			image = image * radix + out[i];
		once = once && image < strings && seen[image]++ == 0;
		fixed += image == n;
		if (n % 64 == 0)
			back = back &&
				   ff1_decrypt(ff1, radix, STRING("a tweak"), out, count, out) == CRYPTO_OK &&
				   memcmp(in, out, count * sizeof(*in)) == 0;
	}
	ok(once, "radix %u, %zu numerals: each of %u strings comes out once", radix, count, strings);
	ok(back, "radix %u, %zu numerals: and is decrypted", radix, count);

	/* Of a random permutation as many as Poisson(1) says: 20 with a probability of 10^-19. */
	ok(fixed < 20, "radix %u, %zu numerals: %u stay as they are", radix, count, fixed);
	ff1_free(ff1);
}

/* ---------------------------------------------------------------- what is refused */

static bool
refused(Ff1 *ff1, uint32_t radix, size_t count, uint16_t numeral)
{
	static uint16_t in[2048], out[2048];
	bool untouched = true;

	for (size_t i = 0; i < LENGTH(out); i++)
	{
		in[i] = numeral;
		out[i] = 0xAAAA;
	}
	if (ff1_encrypt(ff1, radix, STRING(""), in, count, out) != CRYPTO_FAILED ||
		ff1_decrypt(ff1, radix, STRING(""), in, count, out) != CRYPTO_FAILED)
		return false;
	for (size_t i = 0; i < LENGTH(out); i++)
		untouched = untouched && out[i] == 0xAAAA;
	return untouched;
}

static void
check_limits(void)
{
	static const struct
	{
		uint32_t radix;
		size_t least, most;
	} limits[] = {{2, 20, 1024},  {10, 6, 256},  {26, 5, 204},  {36, 4, 170},
				  {1000, 2, 102}, {999, 3, 102}, {65536, 2, 64}};
	uint8_t key[40] = {0};
	Ff1 *ff1 = must(ff1_create(bytes_view(key, 32)));
	uint16_t pair[2] = {1, 2};

	for (size_t i = 0; i < LENGTH(limits); i++)
	{
		uint32_t radix = limits[i].radix;

		ok(ff1_fits(radix, limits[i].least) && !ff1_fits(radix, limits[i].least - 1) &&
			   refused(ff1, radix, limits[i].least - 1, 1),
		   "radix %u: at least %zu numerals, for a million strings", radix, limits[i].least);
		ok(ff1_fits(radix, limits[i].most) && !ff1_fits(radix, limits[i].most + 1) &&
			   refused(ff1, radix, limits[i].most + 1, 1),
		   "radix %u: at most %zu numerals", radix, limits[i].most);
	}
	ok(refused(ff1, 0, 16, 0) && refused(ff1, 1, 16, 0) && refused(ff1, 65537, 16, 0) &&
		   refused(ff1, UINT32_MAX, 16, 0),
	   "no other radix");
	ok(refused(ff1, 10, 0, 0) && refused(ff1, 10, 1, 0) && refused(ff1, 65536, 1, 0) &&
		   !ff1_fits(10, SIZE_MAX) && !ff1_fits(2, SIZE_MAX),
	   "no other size");
	ok(refused(ff1, 10, 16, 10) && refused(ff1, 65535, 16, 65535), "no numeral beyond the radix");
	ok(ff1_encrypt(ff1, 65536, bytes_view(key, (size_t) UINT32_MAX + 1), pair, 2, pair) ==
			   CRYPTO_FAILED &&
		   pair[0] == 1 && pair[1] == 2,
	   "no tweak that its length has no room for");
	for (size_t size = 0; size <= sizeof(key); size++)
	{
		Ff1 *other = ff1_create(bytes_view(key, size));

		if ((other != NULL) != (size == 16 || size == 24 || size == 32))
			ok(false, "a key of %zu bytes", size);
		ff1_free(other);
	}
	ff1_free(ff1);
	ff1_free(NULL);
}

int
main(void)
{
	begin();
	check_samples();
	check_reference();
	check_permutation(10, 6);
	check_permutation(1000, 2);
	check_permutation(2, 20);
	check_permutation(101, 3);
	check_limits();
	return end();
}
