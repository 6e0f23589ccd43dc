/*
 * ff1.c
 *		FF1 on OpenSSL's AES.
 *
 * Names are those of SP 800-38G, 6.2: a string is split into A of u numerals
 * and B of v, and ten times A becomes B, and B becomes A plus a pseudorandom
 * number Y made of B. A half is kept as a number in limbs of as many numerals
 * as 32 bits hold, so that adding needs no long division, and taking it as
 * bytes and reducing Y need one step a limb and word.
 */
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/secret.h"
#include "crypto/ff1.h"

#define BLOCK 16  /* AES, FIPS 197 */
#define ROUNDS 10 /* SP 800-38G, 6.2 */

/* Of a half: v is one more than half of the numerals, where these are odd in number. */
#define HALF_BITS_MAX (FF1_BITS_MAX / 2 + 16)
#define WORDS_MAX ((HALF_BITS_MAX + 31) / 32)

/* A limb holds more than 16 bits, whatever the radix: of 2^r never less than 32 / r numerals. */
#define LIMBS_MAX (HALF_BITS_MAX / 16 + 1)

/* Y: 4 * ceil(b / 4) + 4 bytes. */
#define Y_WORDS_MAX (WORDS_MAX + 1)
#define Y_BLOCKS_MAX ((4 * Y_WORDS_MAX + BLOCK - 1) / BLOCK)

struct Ff1
{
	EVP_CIPHER_CTX *ecb;
};

/* What the radix and the number of numerals decide. */
typedef struct Shape
{
	uint32_t radix;
	size_t count;        /* n */
	size_t u;            /* numerals of the first half */
	size_t v;            /* and of the second */
	unsigned limb_size;  /* numerals of a limb, but the most significant */
	uint64_t limb_radix; /* radix to the power of that; at most 2^32 */
	uint64_t u_top;      /* the same of the most significant limb of u numerals, */
	uint64_t v_top;      /* and of v */
	size_t b;            /* bytes of a half as a number */
	size_t y_words;      /* 32-bit words of Y */
} Shape;

/* What the rounds have; wiped as one. */
typedef struct Rounds
{
	uint32_t halves[2][LIMBS_MAX]; /* least significant limb first */
	uint32_t words[Y_WORDS_MAX];   /* a number, least significant word first */
	uint8_t y[Y_BLOCKS_MAX * BLOCK];
	uint8_t q[WORDS_MAX * 4 + 3 * BLOCK]; /* the end of Q: no full blocks of the tweak */
	uint8_t chained[BLOCK];               /* PRF of P and the full blocks of the tweak */
} Rounds;

static size_t
bits_of(uint64_t number)
{
	size_t bits = 0;

	for (; number > 0; number >>= 1)
		bits++;
	return bits;
}

bool
ff1_fits(uint32_t radix, size_t count)
{
	uint64_t strings = 1;

	if (radix < 2 || radix > FF1_RADIX_MAX || count < 2 ||
		count > FF1_BITS_MAX / bits_of(radix - 1))
		return false;
	for (size_t i = 0; i < count && strings < FF1_DOMAIN_MIN; i++)
		strings *= radix;
	return strings >= FF1_DOMAIN_MIN;
}

Ff1 *
ff1_create(Bytes key)
{
	static EVP_CIPHER *ciphers[3];
	static const char *const names[3] = {"AES-128-ECB", "AES-192-ECB", "AES-256-ECB"};
	size_t which = key.len / 8 - 2;
	Ff1 *ff1;

	if (key.len % 8 != 0 || which > 2)
		return NULL;
	if (ciphers[which] == NULL &&
		(ciphers[which] = EVP_CIPHER_fetch(NULL, names[which], NULL)) == NULL)
		return NULL;
	if ((ff1 = calloc(1, sizeof(Ff1))) == NULL)
		return NULL;
	if ((ff1->ecb = EVP_CIPHER_CTX_new()) == NULL ||
		!EVP_EncryptInit_ex2(ff1->ecb, ciphers[which], key.data, NULL, NULL) ||
		!EVP_CIPHER_CTX_set_padding(ff1->ecb, 0))
	{
		ff1_free(ff1);
		return NULL;
	}
	return ff1;
}

void
ff1_free(Ff1 *ff1)
{
	if (ff1 == NULL)
		return;
	EVP_CIPHER_CTX_free(ff1->ecb); /* which wipes */
	free(ff1);
}

/* ---------------------------------------------------------------- numbers */

static size_t
limbs_of(const Shape *shape, size_t numerals)
{
	return (numerals + shape->limb_size - 1) / shape->limb_size;
}

/* What the most significant limb counts up to: of the numerals that are left for it. */
static uint64_t
radix_of_top(const Shape *shape, size_t numerals)
{
	uint64_t radix = 1;

	for (size_t n = numerals - (limbs_of(shape, numerals) - 1) * shape->limb_size; n > 0; n--)
		radix *= shape->radix;
	return radix;
}

static uint64_t
radix_of_limb(const Shape *shape, size_t numerals, size_t i)
{
	if ((i + 1) * shape->limb_size <= numerals)
		return shape->limb_radix;
	return numerals == shape->u ? shape->u_top : shape->v_top;
}

static void
to_limbs(const Shape *shape, const uint16_t *numerals, size_t count, uint32_t *limbs)
{
	for (size_t i = 0, end = count; end > 0; i++)
	{
		size_t start = end > shape->limb_size ? end - shape->limb_size : 0;
		uint32_t limb = 0;

		for (size_t n = start; n < end; n++)
			limb = limb * shape->radix + numerals[n];
		limbs[i] = limb;
		end = start;
	}
}

static void
from_limbs(const Shape *shape, const uint32_t *limbs, size_t count, uint16_t *numerals)
{
	for (size_t i = 0, end = count; end > 0; i++)
	{
		size_t start = end > shape->limb_size ? end - shape->limb_size : 0;
		uint32_t limb = limbs[i];

		for (size_t n = end; n > start; n--)
		{
			numerals[n - 1] = (uint16_t) (limb % shape->radix);
			limb /= shape->radix;
		}
		end = start;
	}
}

/* NUM of a half: its limbs as one number; returns how many words that has. */
static size_t
to_words(const Shape *shape, const uint32_t *limbs, size_t count, uint32_t *words)
{
	size_t size = 0;

	for (size_t i = limbs_of(shape, count); i-- > 0;)
	{
		uint64_t carry = limbs[i];

		for (size_t w = 0; w < size; w++)
		{
			carry += words[w] * shape->limb_radix; /* at most (2^32 - 1) * 2^32 + 2^32 - 1 */
			words[w] = (uint32_t) carry;
			carry >>= 32;
		}
		if (carry > 0)
			words[size++] = (uint32_t) carry;
	}
	return size;
}

/* The rest of words divided; they become the quotient. */
static uint32_t
divide(uint32_t *words, size_t *size, uint64_t divisor)
{
	uint64_t rest = 0;

	for (size_t w = *size; w-- > 0;)
	{
		rest = rest << 32 | words[w]; /* the rest is below 2^32 */
		words[w] = (uint32_t) (rest / divisor);
		rest %= divisor;
	}
	while (*size > 0 && words[*size - 1] == 0)
		(*size)--;
	return (uint32_t) rest;
}

/* The half plus or minus the number in words, modulo radix^count. */
static void
add(const Shape *shape, uint32_t *limbs, size_t count, uint32_t *words, size_t size, bool minus)
{
	size_t nlimbs = limbs_of(shape, count);
	uint64_t carry = 0;

	for (size_t i = 0; i < nlimbs; i++)
	{
		uint64_t radix = radix_of_limb(shape, count, i);
		uint64_t added = divide(words, &size, radix) + carry;
		uint64_t sum = minus ? limbs[i] + radix - added : limbs[i] + added;

		/* Whichever way, sum is below 2 * radix; borrowing, what is below radix lacked one. */
		carry = minus ? sum < radix : sum >= radix;
		limbs[i] = (uint32_t) (sum >= radix ? sum - radix : sum);
	}
}

/* ---------------------------------------------------------------- rounds */

static bool
encrypt_block(Ff1 *ff1, const uint8_t in[BLOCK], uint8_t out[BLOCK])
{
	int written;

	return EVP_EncryptUpdate(ff1->ecb, out, &written, in, BLOCK) && written == BLOCK;
}

/* Goes on with CBC-MAC (SP 800-38G, algorithm 6) for whole blocks. */
static bool
chain(Ff1 *ff1, uint8_t chained[BLOCK], const uint8_t *blocks, size_t size)
{
	for (size_t at = 0; at < size; at += BLOCK)
	{
		for (size_t i = 0; i < BLOCK; i++)
			chained[i] ^= blocks[at + i];
		if (!encrypt_block(ff1, chained, chained))
			return false;
	}
	return true;
}

static bool
find_shape(uint32_t radix, size_t count, Shape *shape)
{
	uint32_t largest[LIMBS_MAX];
	uint32_t words[WORDS_MAX + 1];
	size_t nwords;

	if (!ff1_fits(radix, count))
		return false;
	*shape = (Shape){.radix = radix, .count = count, .u = count / 2, .limb_radix = 1};
	shape->v = count - shape->u;
	while (shape->limb_radix * radix <= UINT64_C(1) << 32)
	{
		shape->limb_radix *= radix;
		shape->limb_size++;
	}
	shape->u_top = radix_of_top(shape, shape->u);
	shape->v_top = radix_of_top(shape, shape->v);

	/* b = ceil(ceil(v * log2(radix)) / 8): the bytes of radix^v - 1, the largest half. */
	for (size_t i = 0; i < limbs_of(shape, shape->v); i++)
		largest[i] = (uint32_t) (radix_of_limb(shape, shape->v, i) - 1);
	nwords = to_words(shape, largest, shape->v, words);
	shape->b = ((nwords - 1) * 32 + bits_of(words[nwords - 1]) + 7) / 8;
	shape->y_words = (shape->b + 3) / 4 + 1;
	return true;
}

/*
 * What is the same in all rounds: PRF of P, of the tweak and of the zeros
 * after it, as far as these fill whole blocks; the rest begins Q's last ones,
 * and is as long as is returned.
 */
static bool
begin(Ff1 *ff1, const Shape *shape, Bytes tweak, Rounds *rounds, size_t *begun)
{
	uint8_t *p = rounds->chained;
	size_t full = tweak.len - tweak.len % BLOCK;
	size_t end = (tweak.len % BLOCK + shape->b + 1 + BLOCK - 1) / BLOCK * BLOCK;

	p[0] = 1;
	p[1] = 2;
	p[2] = 1;
	p[3] = (uint8_t) (shape->radix >> 16);
	p[4] = (uint8_t) (shape->radix >> 8);
	p[5] = (uint8_t) shape->radix;
	p[6] = ROUNDS;
	p[7] = (uint8_t) shape->u;
	bytes_put_u32(p + 8, (uint32_t) shape->count);
	bytes_put_u32(p + 12, (uint32_t) tweak.len);

	*begun = end - shape->b - 1;
	memset(rounds->q, 0, end);
	if (tweak.len > full)
		memcpy(rounds->q, tweak.data + full, tweak.len - full);
	full = *begun - *begun % BLOCK;
	if (!encrypt_block(ff1, p, p) || !chain(ff1, p, tweak.data, tweak.len - tweak.len % BLOCK) ||
		!chain(ff1, p, rounds->q, full))
		return false;
	*begun -= full;
	memmove(rounds->q, rounds->q + full, *begun);
	return true;
}

/* Y of round i, of the half given, in rounds->words. */
static bool
make_y(Ff1 *ff1, const Shape *shape, unsigned i, const uint32_t *half, size_t numerals,
	   Rounds *rounds, size_t begun)
{
	uint8_t *number = rounds->q + begun;
	size_t size = to_words(shape, half, numerals, rounds->words);
	size_t blocks = (4 * shape->y_words + BLOCK - 1) / BLOCK;

	*number++ = (uint8_t) i;
	for (size_t n = 0; n < shape->b; n++)
	{
		uint32_t word = n / 4 < size ? rounds->words[n / 4] : 0;

		number[shape->b - 1 - n] = (uint8_t) (word >> 8 * (n % 4));
	}

	memcpy(rounds->y, rounds->chained, BLOCK);
	if (!chain(ff1, rounds->y, rounds->q, begun + 1 + shape->b))
		return false;
	for (size_t block = 1; block < blocks; block++)
	{
		uint8_t *next = rounds->y + block * BLOCK;

		memcpy(next, rounds->y, BLOCK);
		next[BLOCK - 1] ^= (uint8_t) block; /* there are fewer than 256 */
		if (!encrypt_block(ff1, next, next))
			return false;
	}
	for (size_t w = 0; w < shape->y_words; w++)
		rounds->words[w] = bytes_get_u32(rounds->y + 4 * (shape->y_words - 1 - w));
	return true;
}

static CryptoStatus
permute(Ff1 *ff1, uint32_t radix, Bytes tweak, const uint16_t *in, size_t count, uint16_t *out,
		bool inverse)
{
	Shape shape;
	Rounds rounds;
	size_t begun;
	bool done;

	if (tweak.len > UINT32_MAX || !find_shape(radix, count, &shape))
		return CRYPTO_FAILED;
	for (size_t i = 0; i < count; i++)
	{
		if (in[i] >= radix)
			return CRYPTO_FAILED;
	}

	/* The even rounds change the first half, of u numerals, by the second. */
	to_limbs(&shape, in, shape.u, rounds.halves[0]);
	to_limbs(&shape, in + shape.u, shape.v, rounds.halves[1]);
	done = begin(ff1, &shape, tweak, &rounds, &begun);
	for (unsigned n = 0; done && n < ROUNDS; n++)
	{
		unsigned i = inverse ? ROUNDS - 1 - n : n;
		bool odd = i % 2 == 1;
		uint32_t *changed = rounds.halves[odd];
		const uint32_t *other = rounds.halves[!odd];

		done = make_y(ff1, &shape, i, other, odd ? shape.u : shape.v, &rounds, begun);
		if (done)
			add(&shape, changed, odd ? shape.v : shape.u, rounds.words, shape.y_words, inverse);
	}
	if (done)
	{
		from_limbs(&shape, rounds.halves[0], shape.u, out);
		from_limbs(&shape, rounds.halves[1], shape.v, out + shape.u);
	}
	secret_wipe(&rounds, sizeof(rounds));
	return done ? CRYPTO_OK : CRYPTO_FAILED;
}

CryptoStatus
ff1_encrypt(Ff1 *ff1, uint32_t radix, Bytes tweak, const uint16_t *in, size_t count, uint16_t *out)
{
	return permute(ff1, radix, tweak, in, count, out, false);
}

CryptoStatus
ff1_decrypt(Ff1 *ff1, uint32_t radix, Bytes tweak, const uint16_t *in, size_t count, uint16_t *out)
{
	return permute(ff1, radix, tweak, in, count, out, true);
}
