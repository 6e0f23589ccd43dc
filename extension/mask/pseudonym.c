/*
 * pseudonym.c - values of the same form, by FF1
 */
#include "base/secret.h"
#include "mask/keys.h"
#include "mask/mask.h"

/*
 * Letters and digits that stand for each other: code points in a row, all
 * assigned (Unicode 14) and of as many bytes in UTF-8, so that a pseudonym is as
 * long as its value. In the order of their code points. A row that is changed
 * changes the pseudonyms of all values with its characters.
 */
/* clang-format off */
static const struct
{
	uint8_t id; /* never used again for another */
	uint32_t first, last;
} alphabets[] = {
	{0, '0', '9'},
	{1, 'A', 'Z'},
	{2, 'a', 'z'},
	{3, 0xC0, 0xD6}, /* Latin, capital */
	{4, 0xD8, 0xDE},
	{5, 0xDF, 0xF6}, /* and small */
	{6, 0xF8, 0xFF},
	{7, 0x100, 0x17F}, /* Latin Extended-A, without regard to case */
	{8, 0x391, 0x3A1}, /* Greek */
	{9, 0x3A3, 0x3AB},
	{10, 0x3AC, 0x3CE},
	{11, 0x400, 0x42F}, /* Cyrillic */
	{12, 0x430, 0x45F},
	{13, 0x531, 0x556}, /* Armenian */
	{14, 0x561, 0x586},
	{15, 0x5D0, 0x5EA}, /* Hebrew */
	{16, 0x620, 0x63F}, /* Arabic */
	{17, 0x641, 0x64A},
	{18, 0x660, 0x669}, /* and its digits */
	{19, 0x671, 0x6D3},
	{20, 0x6F0, 0x6F9},
	{21, 0x904, 0x939}, /* Devanagari */
	{22, 0x966, 0x96F},
	{23, 0xE01, 0xE30}, /* Thai */
	{24, 0x10D0, 0x10F0}, /* Georgian */
	{25, 0x1E00, 0x1EFF}, /* Latin Extended Additional: Vietnamese */
	{26, 0x3041, 0x3096}, /* Hiragana */
	{27, 0x30A1, 0x30FA}, /* Katakana */
	{28, 0x3400, 0x4DBF}, /* Chinese, Japanese, Korean */
	{29, 0x4E00, 0x9FFF},
	{30, 0xAC00, 0xD7A3}, /* Hangul */
	{31, 0xFF10, 0xFF19}, /* wide forms */
	{32, 0xFF21, 0xFF3A},
	{33, 0xFF41, 0xFF5A},
};
/* clang-format on */

#define ALPHABETS (sizeof(alphabets) / sizeof(alphabets[0]))

/* Letters and digits of a value: at most one a byte. */
#define PLACES_MAX MASK_PSEUDONYM_MAX

/* The letters and digits of a value, and what each is of. */
typedef struct Form
{
	size_t count;
	uint16_t digits[PLACES_MAX];   /* numerals of the alphabets that they are of */
	uint16_t radices[PLACES_MAX];  /* how many these have */
	uint8_t alphabets[PLACES_MAX]; /* and which they are, */
	uint8_t ids[PLACES_MAX];       /* by their ids: FF1's tweak */
	bool uniform;                  /* all radices are the same */
} Form;

static uint32_t
radix_of(size_t alphabet)
{
	return alphabets[alphabet].last - alphabets[alphabet].first + 1;
}

/* The alphabet of a code point; ALPHABETS where it is of none. */
static size_t
find_alphabet(uint32_t code)
{
	size_t low = 0, high = ALPHABETS;

	if (code < 0x80)
		return is_digit(code) ? 0 : is_letter(code) ? (code < 'a' ? 1 : 2) : ALPHABETS;
	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (code > alphabets[middle].last)
			low = middle + 1;
		else if (code < alphabets[middle].first)
			high = middle;
		else
			return middle;
	}
	return ALPHABETS;
}

static void
add_place(Form *form, uint32_t code, size_t alphabet)
{
	size_t i = form->count++;

	form->digits[i] = (uint16_t) (code - alphabets[alphabet].first);
	form->radices[i] = (uint16_t) radix_of(alphabet);
	form->alphabets[i] = (uint8_t) alphabet;
	form->ids[i] = alphabets[alphabet].id;
	form->uniform = form->uniform && form->radices[i] == form->radices[0];
}

/* ------------------------------------------------------- the value and its form */

/* False where a character is of no alphabet, and no punctuation of ASCII. */
static bool
read_form(const MaskInput *in, Form *form)
{
	CharacterCode now;

	form->count = 0;
	form->uniform = true;
	if (in->end - in->start > MASK_PSEUDONYM_MAX)
		return false;
	for (const uint8_t *at = in->start; at < in->end; at += now.size)
	{
		size_t alphabet;

		character_look(in->utf8, at, in->end, &now);
		if (now.code >= 0x80 && !in->utf8)
			return false;
		alphabet = now.class == CHARACTER_INVALID ? ALPHABETS : find_alphabet(now.code);
		if (alphabet < ALPHABETS)
			add_place(form, now.code, alphabet);
		else if (now.code < ' ' || now.code >= 0x7F)
			return false;
	}
	return true;
}

/* The value with other letters and digits: of the same sizes, in the same places. */
static void
write_form(const MaskInput *in, const Form *form, uint8_t *out)
{
	size_t place = 0;
	CharacterCode now;

	for (const uint8_t *at = in->start; at < in->end; at += now.size)
	{
		uint32_t code;

		character_look(in->utf8, at, in->end, &now);
		code = now.code;
		if (find_alphabet(code) < ALPHABETS)
		{
			code = alphabets[form->alphabets[place]].first + form->digits[place];
			place++;
		}
		if (now.size == 1)
			*out++ = (uint8_t) code;
		else if (now.size == 2)
		{
			*out++ = (uint8_t) (0xC0 | code >> 6);
			*out++ = (uint8_t) (0x80 | (code & 0x3F));
		}
		else
		{
			*out++ = (uint8_t) (0xE0 | code >> 12);
			*out++ = (uint8_t) (0x80 | (code >> 6 & 0x3F));
			*out++ = (uint8_t) (0x80 | (code & 0x3F));
		}
	}
}

/* ------------------------------------------------------- forms of several radices */

/*
 * FF1 has one radix. A form with others is numbered, as a number in mixed
 * radices, and the number is written with as few numerals of at most 16 bits,
 * and as small a radix, as have room for all. If FF1 takes it to one beyond
 * them, that is taken on, until it lies among them ("cycle walking": Black and
 * Rogaway, CT-RSA 2002), which is a permutation again, and seldom needed: the
 * radix leaves less than a hundredth beyond.
 */
/* Steps until it is given up: with a probability of 100^-128. */
#define WALK_MAX 128

/* False where it becomes too large. */
static bool
multiply_add(MaskNumber *number, uint32_t factor, uint32_t summand)
{
	uint64_t carry = summand;

	for (size_t i = 0; i < number->size; i++)
	{
		carry += (uint64_t) number->words[i] * factor;
		number->words[i] = (uint32_t) carry;
		carry >>= 32;
	}
	if (carry == 0)
		return true;
	if (number->size == MASK_NUMBER_WORDS)
		return false;
	number->words[number->size++] = (uint32_t) carry;
	return true;
}

static uint32_t
divide(MaskNumber *number, uint32_t divisor)
{
	uint64_t rest = 0;

	for (size_t i = number->size; i-- > 0;)
	{
		rest = rest << 32 | number->words[i];
		number->words[i] = (uint32_t) (rest / divisor);
		rest %= divisor;
	}
	while (number->size > 0 && number->words[number->size - 1] == 0)
		number->size--;
	return (uint32_t) rest;
}

static bool
is_less(const MaskNumber *a, const MaskNumber *b)
{
	if (a->size != b->size)
		return a->size < b->size;
	for (size_t i = a->size; i-- > 0;)
	{
		if (a->words[i] != b->words[i])
			return a->words[i] < b->words[i];
	}
	return false;
}

/* The smallest radix of which so many numerals have room for `values` numbers. */
static uint32_t
find_radix(const MaskNumber *values, size_t numerals)
{
	uint32_t low = 2, high = FF1_RADIX_MAX;

	while (low < high)
	{
		uint32_t middle = (low + high) / 2;
		MaskNumber power = {.words = {1}, .size = 1};
		bool room = false;

		for (size_t i = 0; i < numerals && !room; i++)
			room = !multiply_add(&power, middle, 0);
		if (room || !is_less(&power, values))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The same, remembered: the values of a column have few forms, and many one after the other. */
static uint32_t
radix_for(MaskKeys *keys, const MaskNumber *values, size_t numerals)
{
	if (keys->radix == 0 || keys->values.size != values->size ||
		memcmp(keys->values.words, values->words, values->size * sizeof(values->words[0])) != 0)
	{
		keys->radix = find_radix(values, numerals);
		keys->values = *values;
	}
	return keys->radix;
}

/* As few long divisions as can be: by two numerals at once, where their product is a word. */
static void
to_numerals(MaskNumber *number, uint32_t radix, uint16_t *numerals, size_t count)
{
	while (count >= 2 && radix < FF1_RADIX_MAX)
	{
		uint32_t pair = divide(number, radix * radix);

		numerals[--count] = (uint16_t) (pair % radix);
		numerals[--count] = (uint16_t) (pair / radix);
	}
	while (count > 0)
		numerals[--count] = (uint16_t) divide(number, radix);
}

static void
from_numerals(MaskNumber *number, uint32_t radix, const uint16_t *numerals, size_t count)
{
	size_t i = 0;

	number->size = 0;
	if (count % 2 == 1 || radix == FF1_RADIX_MAX)
		multiply_add(number, radix, numerals[i++]);
	for (; radix < FF1_RADIX_MAX && i < count; i += 2)
		multiply_add(number, radix * radix, numerals[i] * radix + numerals[i + 1]);
	for (; i < count; i++)
		multiply_add(number, radix, numerals[i]);
}

/* *fits is false for too few values, and too many; the number is below them. */
static CryptoStatus
permute_number(MaskKeys *keys, Bytes tweak, const MaskNumber *values, MaskNumber *number,
			   bool *fits)
{
	uint16_t numerals[FF1_BITS_MAX / 16];
	size_t count, bits = 0;
	uint32_t radix;
	CryptoStatus done = CRYPTO_OK;
	bool found = false;

	for (uint32_t top = values->words[values->size - 1]; top > 0; top >>= 1)
		bits++;
	bits += 32 * (values->size - 1);
	count = bits <= 32 ? 2 : (bits + 15) / 16;
	*fits = bits <= FF1_BITS_MAX &&
			(values->size > 1 || values->words[0] >= FF1_DOMAIN_MIN); /* not those of FF1 alone */
	if (!*fits)
		return CRYPTO_OK;

	radix = radix_for(keys, values, count);
	to_numerals(number, radix, numerals, count);
	for (int step = 0; step < WALK_MAX && !found && done == CRYPTO_OK; step++)
	{
		done = ff1_encrypt(keys->ff1, radix, tweak, numerals, count, numerals);
		from_numerals(number, radix, numerals, count);
		found = is_less(number, values);
	}
	secret_wipe(numerals, sizeof(numerals));
	return found ? done : CRYPTO_FAILED;
}

/* Places one after the other, as many as a word has room for: from `start` on, up to the next. */
typedef struct Chunk
{
	size_t start;
	uint32_t values;
	uint32_t value;
} Chunk;

/* Two chunks together have more than 32 bits. */
#define CHUNKS_MAX (2 * FF1_BITS_MAX / 32 + 2)

/* How many there are; 0 where the form is too long. */
static size_t
read_chunks(const Form *form, Chunk *chunks)
{
	size_t count = 0;

	for (size_t i = 0; i < form->count; i++)
	{
		uint32_t radix = form->radices[i];

		if (count == 0 || (uint64_t) chunks[count - 1].values * radix > UINT32_MAX)
		{
			if (count == CHUNKS_MAX)
				return 0;
			chunks[count++] = (Chunk){.start = i, .values = 1};
		}
		chunks[count - 1].values *= radix;
		chunks[count - 1].value = chunks[count - 1].value * radix + form->digits[i];
	}
	return count;
}

static void
write_chunks(Form *form, const Chunk *chunks, size_t count)
{
	size_t end = form->count;

	for (size_t i = count; i-- > 0; end = chunks[i].start)
	{
		uint32_t value = chunks[i].value;

		for (size_t place = end; place-- > chunks[i].start;)
		{
			form->digits[place] = (uint16_t) (value % form->radices[place]);
			value /= form->radices[place];
		}
	}
}

static CryptoStatus
permute_mixed(MaskKeys *keys, Form *form, bool *fits)
{
	MaskNumber values = {.words = {1}, .size = 1};
	MaskNumber number = {.size = 0};
	Chunk chunks[CHUNKS_MAX];
	size_t count = read_chunks(form, chunks);
	CryptoStatus done;

	*fits = count > 0;
	for (size_t i = 0; i < count && *fits; i++)
		*fits = multiply_add(&values, chunks[i].values, 0) &&
				multiply_add(&number, chunks[i].values, chunks[i].value);
	if (!*fits)
		return CRYPTO_OK;
	done = permute_number(keys, bytes_view(form->ids, form->count), &values, &number, fits);
	for (size_t i = count; *fits && done == CRYPTO_OK && i-- > 0;)
		chunks[i].value = divide(&number, chunks[i].values);
	if (*fits && done == CRYPTO_OK)
		write_chunks(form, chunks, count);
	secret_wipe(&number, sizeof(number));
	secret_wipe(chunks, count * sizeof(chunks[0]));
	return done;
}

static CryptoStatus
permute(MaskKeys *keys, Form *form, bool *fits)
{
	if (form->count == 0)
	{
		*fits = false;
		return CRYPTO_OK;
	}
	if (!form->uniform)
		return permute_mixed(keys, form, fits);
	*fits = ff1_fits(form->radices[0], form->count);
	if (!*fits)
		return CRYPTO_OK;
	return ff1_encrypt(keys->ff1, form->radices[0], bytes_view(form->ids, form->count),
					   form->digits, form->count, form->digits);
}

/* ------------------------------------------------------------ pseudonyms of text */

static CryptoStatus
hashed(const MaskInput *in, MaskKeys *keys, uint8_t *out, size_t *size)
{
	static const char hex[] = "0123456789abcdef";
	Bytes value = bytes_view(in->start, (size_t) (in->end - in->start));
	uint8_t digest[HASH_SIZE];

	if (hmac_compute(keys->hmac, &value, 1, digest) != CRYPTO_OK)
		return CRYPTO_FAILED;
	for (size_t i = 0; i < MASK_HASHED_SIZE / 2; i++)
	{
		*out++ = (uint8_t) hex[digest[i] >> 4];
		*out++ = (uint8_t) hex[digest[i] & 15];
	}
	*size = MASK_HASHED_SIZE;
	return CRYPTO_OK;
}

/* 8-4-4-4-12 small hexadecimal digits (RFC 4122, 3), as the server prints uuid. */
static bool
is_uuid(const uint8_t *start, const uint8_t *end)
{
	if (end - start != 36)
		return false;
	for (int i = 0; i < 36; i++)
	{
		uint8_t byte = start[i];

		if (i == 8 || i == 13 || i == 18 || i == 23 ? byte != '-'
													: !is_digit(byte) && (byte < 'a' || byte > 'f'))
			return false;
	}
	return true;
}

static CryptoStatus
pseudonym_uuid(const MaskInput *in, MaskKeys *keys, uint8_t *out, size_t *size)
{
	uint16_t digits[32];
	size_t count = 0;
	CryptoStatus status;

	for (const uint8_t *at = in->start; at < in->end; at++)
	{
		if (*at != '-')
			digits[count++] = is_digit(*at) ? *at - '0' : *at - 'a' + 10;
	}
	status = ff1_encrypt(keys->ff1, 16, bytes_of_string("uuid"), digits, count, digits);
	if (status != CRYPTO_OK)
		return status;
	count = 0;
	for (const uint8_t *at = in->start; at < in->end; at++)
		*out++ = *at == '-' ? '-' : (uint8_t) "0123456789abcdef"[digits[count++]];
	*size = 36;
	return CRYPTO_OK;
}

CryptoStatus
mask_pseudonym(const MaskInput *in, MaskKeys *keys, uint8_t *out, size_t *size)
{
	Form form;
	CryptoStatus status;
	bool fits;

	if (is_uuid(in->start, in->end))
		return pseudonym_uuid(in, keys, out, size);
	if (!read_form(in, &form))
		return hashed(in, keys, out, size);

	/* Again where it is a UUID now: these are among themselves (cycle walking, as above). */
	do
	{
		status = permute(keys, &form, &fits);
		if (status != CRYPTO_OK)
			return status;
		if (!fits)
			return hashed(in, keys, out, size);
		write_form(in, &form, out);
		*size = (size_t) (in->end - in->start);
	} while (is_uuid(out, out + *size));
	secret_wipe(form.digits, form.count * sizeof(form.digits[0]));
	return CRYPTO_OK;
}

/* -------------------------------------------------------------- card numbers */

/* ISO/IEC 7812-1, annex B: what the check digit after these digits is. */
static unsigned
luhn(const uint16_t *digits, size_t count)
{
	unsigned sum = 0;

	for (size_t i = 0; i < count; i++)
	{
		unsigned digit = digits[count - 1 - i];

		if (i % 2 == 0)
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return (10 - sum % 10) % 10;
}

/* 12 to 19 digits, with spaces and hyphens among them, as "card" wants them. */
CryptoStatus
mask_pseudonym_card(const MaskInput *in, MaskKeys *keys, uint8_t *out, size_t *size)
{
	uint16_t digits[19];
	uint8_t tweak[5] = {'c', 'a', 'r', 'd'};
	size_t count = 0, body;
	uint8_t off;
	CryptoStatus status;

	for (const uint8_t *at = in->start; at < in->end; at++)
	{
		if (*at == ' ' || *at == '-')
			continue;
		if (!is_digit(*at) || count == 19)
			return hashed(in, keys, out, size);
		digits[count++] = *at - '0';
	}
	if (count < 12 || in->end - in->start > MASK_PSEUDONYM_MAX)
		return hashed(in, keys, out, size);

	/*
	 * How far the check digit is off, 0 for a valid number, stays: so it is a
	 * permutation. It is the tweak, too, or numbers that differ in the check digit
	 * alone would have pseudonyms that do.
	 */
	body = count - 1;
	off = (uint8_t) ((digits[body] + 10 - luhn(digits, body)) % 10);
	tweak[4] = off;
	status = ff1_encrypt(keys->ff1, 10, bytes_view(tweak, sizeof(tweak)), digits, body, digits);
	if (status != CRYPTO_OK)
		return status;
	digits[body] = (uint16_t) ((luhn(digits, body) + off) % 10);
	count = 0;
	for (const uint8_t *at = in->start; at < in->end; at++)
		*out++ = is_digit(*at) ? (uint8_t) ('0' + digits[count++]) : *at;
	*size = (size_t) (in->end - in->start);
	return CRYPTO_OK;
}

/* ------------------------------------------------------------- whole numbers */

/* As many digits as a word has room for. */
#define CHUNK_DIGITS 9
#define CHUNK 1000000000

static MaskNumber
number_of(uint64_t value)
{
	MaskNumber number = {.words = {(uint32_t) value, (uint32_t) (value >> 32)}};

	number.size = value >> 32 > 0 ? 2 : value > 0;
	return number;
}

static MaskNumber
power_of_ten(size_t exponent)
{
	MaskNumber number = number_of(1);

	for (; exponent >= CHUNK_DIGITS; exponent -= CHUNK_DIGITS)
		multiply_add(&number, CHUNK, 0);
	for (; exponent > 0; exponent--)
		multiply_add(&number, 10, 0);
	return number;
}

/* number += other, or -= a smaller one */
static void
add(MaskNumber *number, const MaskNumber *other, bool minus)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < number->size || i < other->size || carry > 0; i++)
	{
		uint64_t word = i < other->size ? other->words[i] : 0;

		if (i == number->size)
			number->words[number->size++] = 0;
		word = minus ? number->words[i] - word - carry : number->words[i] + word + carry;
		number->words[i] = (uint32_t) word;
		carry = word >> 32 & 1;
	}
	while (number->size > 0 && number->words[number->size - 1] == 0)
		number->size--;
}

static void
read_digits(const char *digits, size_t count, MaskNumber *number)
{
	number->size = 0;
	for (size_t i = 0; i < count; i++)
		multiply_add(number, 10, (uint32_t) (digits[i] - '0'));
}

static size_t
write_digits(MaskNumber *number, char digits[MASK_NUMBER_DIGITS_MAX])
{
	char reversed[MASK_NUMBER_DIGITS_MAX + CHUNK_DIGITS];
	size_t count = 0, size = 0;

	do
	{
		uint32_t chunk = divide(number, CHUNK);

		for (int i = 0; i < CHUNK_DIGITS; i++, chunk /= 10)
			reversed[count++] = (char) ('0' + chunk % 10);
	} while (number->size > 0);
	while (count > 1 && reversed[count - 1] == '0')
		count--;
	while (count > 0)
		digits[size++] = reversed[--count];
	secret_wipe(reversed, sizeof(reversed));
	return size;
}

/*
 * Numbers that have pseudonyms among themselves: from *low on, below *high.
 * All with as many digits; those that fit 32 bits, and 64, apart from the
 * longer ones, so that the pseudonym of an integer is one of its type. Returns
 * which part it is.
 */
static uint8_t
find_range(const MaskNumber *number, size_t count, bool negative, MaskNumber *low, MaskNumber *high)
{
	MaskNumber border;

	*high = power_of_ten(count > MASK_NUMBER_SMALL ? count : MASK_NUMBER_SMALL);
	*low = count > MASK_NUMBER_SMALL ? power_of_ten(count - 1) : number_of(0);
	if (count == 10)
		border = number_of((UINT64_C(1) << 31) + negative);
	else if (count == 19)
		border = number_of((UINT64_C(1) << 63) + negative);
	else
		return 0;
	if (is_less(number, &border))
	{
		*high = border;
		return 1;
	}
	*low = border;
	return 2;
}

bool
mask_pseudonym_number(MaskKeys *keys, bool negative, char digits[MASK_NUMBER_DIGITS_MAX],
					  size_t *count)
{
	uint8_t tweak[9] = {'n', 'u', 'm', 'b', 'e', 'r', negative ? '-' : '+'};
	MaskNumber number, low, high;
	bool fits = false;

	if (*count == 0 || *count > MASK_NUMBER_DIGITS_MAX)
		return false;
	read_digits(digits, *count, &number);
	tweak[7] = (uint8_t) (*count > MASK_NUMBER_SMALL ? *count - 1 : 0);
	tweak[8] = find_range(&number, *count, negative, &low, &high);
	add(&number, &low, true);
	add(&high, &low, true);
	if (permute_number(keys, bytes_view(tweak, sizeof(tweak)), &high, &number, &fits) !=
			CRYPTO_OK ||
		!fits)
		return false;
	add(&number, &low, false);
	*count = write_digits(&number, digits);
	return true;
}
