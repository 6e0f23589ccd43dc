/*
 * mask_keyed_test.c
 *		Pseudonyms, fakes and noise: the same for the same, and told apart else.
 *
 * Every input and output lies in a block of exactly its size.
 */
#include "crypto/ff1.h"
#include "mask/character.h"
#include "mask/keyed.h"

#include "unit.h"

static MaskKeys *keys;
static MaskKeys *other_keys;

typedef struct Output
{
	char bytes[MASK_KEYED_MAX + 1];
	size_t size;
} Output;

static Output
run(MaskKeys *with, MaskKind kind, bool utf8, const char *in, size_t len)
{
	MaskSpec spec = {.kind = kind};
	size_t bound = mask_keyed_bound(&spec, len);
	char *copy = must(malloc(len > 0 ? len : 1));
	char *out = must(malloc(bound));
	Output output = {.size = 0};

	if (len > 0)
		memcpy(copy, in, len);
	if (mask_text_keyed(&spec, with, utf8, len > 0 ? copy : NULL, len, out, &output.size) !=
			CRYPTO_OK ||
		output.size > bound || bound > MASK_KEYED_MAX)
		die("a mask failed, or wrote beyond its bound");
	memcpy(output.bytes, out, output.size);
	output.bytes[output.size] = '\0';
	free(copy);
	free(out);
	return output;
}

static Output
run_text(MaskKind kind, const char *text)
{
	return run(keys, kind, true, text, strlen(text));
}

static bool
same(const Output *a, const Output *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool
is_hash(const Output *output)
{
	return output->size == 32 && strspn(output->bytes, "0123456789abcdef") == 32;
}

/* ---------------------------------------------------------------- what they are */

/*
 * Of the key of bytes 0, 1, 2, ...: what is stored in masked copies must not
 * change from one version to the next.
 */
/* clang-format off */
static const struct
{
	MaskKind kind;
	const char *in;
	const char *out;
} pinned[] = {
	{MASK_PSEUDONYM, "4111 1111 1111 1111", "1692 8206 8229 8025"},
	{MASK_PSEUDONYM, "anna.schmidt@example.com", "qkhh.wstovtu@qkdshph.ogh"},
	{MASK_PSEUDONYM, "AB-123-CD", "QI-740-DQ"},
	{MASK_PSEUDONYM, "Анна Шмидт", "Љјсѐ Ўцђњт"},
	{MASK_PSEUDONYM, "王小明", "涿报赠"},
	{MASK_PSEUDONYM, "Anna", "ca802d40372f49c0656c913df443ce87"},
	{MASK_PSEUDONYM, "0f8fad5b-d9cb-469f-a165-708677289501", "a3dd5cac-31ab-511a-b6cf-9e56950900e6"},
	{MASK_PSEUDONYM_CARD, "4111 1111 1111 1111", "3052 7211 8202 3053"},
	{MASK_FAKE_FIRST_NAME, "Anna", "Javier"},
	{MASK_FAKE_LAST_NAME, "Schmidt", "Edwards"},
	{MASK_FAKE_NAME, "Anna Schmidt", "Lily Schmidt"},
	{MASK_FAKE_CITY, "Berlin", "Adelaide"},
	{MASK_FAKE_COMPANY, "Example Ltd.", "Amberdale Oy"},
};
/* clang-format on */

static void
check_pinned(void)
{
	for (size_t i = 0; i < LENGTH(pinned); i++)
	{
		Output output = run_text(pinned[i].kind, pinned[i].in);

		if (!ok(strcmp(output.bytes, pinned[i].out) == 0, "kind %d of %s is %s", pinned[i].kind,
				pinned[i].in, pinned[i].out))
			printf("# it is %s\n", output.bytes);
	}
}

/* ---------------------------------------------------------------- form */

/* The alphabets once more, by their first letters: what stays what it is. */
static const struct
{
	uint32_t first, last;
} rows[] = {
	{'0', '9'},       {'A', 'Z'},       {'a', 'z'},       {0xC0, 0xD6},     {0xD8, 0xDE},
	{0xDF, 0xF6},     {0xF8, 0xFF},     {0x100, 0x17F},   {0x391, 0x3A1},   {0x3A3, 0x3AB},
	{0x3AC, 0x3CE},   {0x400, 0x42F},   {0x430, 0x45F},   {0x531, 0x556},   {0x561, 0x586},
	{0x5D0, 0x5EA},   {0x620, 0x63F},   {0x641, 0x64A},   {0x660, 0x669},   {0x671, 0x6D3},
	{0x6F0, 0x6F9},   {0x904, 0x939},   {0x966, 0x96F},   {0xE01, 0xE30},   {0x10D0, 0x10F0},
	{0x1E00, 0x1EFF}, {0x3041, 0x3096}, {0x30A1, 0x30FA}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF},
	{0xAC00, 0xD7A3}, {0xFF10, 0xFF19}, {0xFF21, 0xFF3A}, {0xFF41, 0xFF5A},
};

static size_t
put_code(char *out, uint32_t code)
{
	if (code < 0x80)
	{
		out[0] = (char) code;
		return 1;
	}
	if (code < 0x800)
	{
		out[0] = (char) (0xC0 | code >> 6);
		out[1] = (char) (0x80 | (code & 0x3F));
		return 2;
	}
	out[0] = (char) (0xE0 | code >> 12);
	out[1] = (char) (0x80 | (code >> 6 & 0x3F));
	out[2] = (char) (0x80 | (code & 0x3F));
	return 3;
}

/* Which row; punctuation of ASCII is itself. */
static uint32_t
kind_of(const char *at, const char *end, size_t *size)
{
	CharacterCode now;

	character_look(true, (const uint8_t *) at, (const uint8_t *) end, &now);
	*size = now.size;
	for (size_t i = 0; i < LENGTH(rows); i++)
	{
		if (now.class != CHARACTER_INVALID && now.code >= rows[i].first && now.code <= rows[i].last)
			return (uint32_t) (0x110000 + i);
	}
	return now.code;
}

static bool
same_form(const char *a, const char *b, size_t size)
{
	for (size_t at = 0; at < size;)
	{
		size_t a_size, b_size;

		if (kind_of(a + at, a + size, &a_size) != kind_of(b + at, b + size, &b_size) ||
			a_size != b_size)
			return false;
		at += a_size;
	}
	return true;
}

/* A text of some alphabets, mostly few, with punctuation among them. */
static size_t
random_form(char *out, size_t characters)
{
	size_t palette[3] = {any(4) ? any(3) : any(LENGTH(rows)), any(4) ? any(3) : any(LENGTH(rows)),
						 any(LENGTH(rows))};
	size_t size = 0;

	for (size_t i = 0; i < characters; i++)
	{
		size_t row = palette[any(any(2) ? 1 : 3)];

		if (any(6) == 0)
			out[size++] = " -./@:,()"[any(9)];
		else
			size += put_code(out + size, rows[row].first +
											 (uint32_t) any(rows[row].last - rows[row].first + 1));
	}
	return size;
}

static void
check_form(void)
{
	bool form = true, again = true, apart = true, changed = true;
	int kept = 0, hashes = 0;
	char text[2048];

	for (int round = 0; round < 20000; round++)
	{
		size_t len = random_form(text, any(round % 10 == 0 ? 160 : 30));
		Output output = run(keys, MASK_PSEUDONYM, true, text, len);
		Output second = run(keys, MASK_PSEUDONYM, true, text, len);
		Output other = run(other_keys, MASK_PSEUDONYM, true, text, len);

		again = again && same(&output, &second);
		apart = apart && !same(&output, &other);
		if (is_hash(&output))
			hashes++;
		else
		{
			kept++;
			if (output.size != len || !same_form(text, output.bytes, len))
				form = false;
			changed = changed && memcmp(output.bytes, text, len) != 0;
		}
	}
	/* Of 20000 some hundred have hardly more than the million values: such may meet themselves. */
	ok(form, "random texts: a pseudonym has the form of its value, or is a hash");
	ok(again, "random texts: it is the same each time");
	ok(apart, "random texts: and another under another key");
	ok(changed, "random texts: none is its own pseudonym");
	ok(kept > 10000 && hashes > 2000, "random texts: enough of both, %d and %d", kept, hashes);
}

static void
check_hashed(void)
{
	static const struct
	{
		const char *what;
		const char *text;
	} cases[] = {
		{"empty", ""},
		{"punctuation alone", "--- ... ---"},
		{"five digits", "12345"},
		{"four letters", "Anna"},
		{"one letter and four digits", "A-1234"},
		{"one Chinese character", "王"},
		{"a decomposed letter", "Anne Me\u0301rimee"},
		{"a letter of no alphabet", "Anna \u1E9E\u2C60lter"},
		{"a Devanagari name with its marks", "सीता देवी"},
		{"emoji", "Anna Schmidt 👍"},
		{"punctuation beyond ASCII", "O\u2019Neill Sinead"},
		{"space beyond ASCII", "Anna\u00A0Schmidt"},
		{"line end", "Anna Schmidt\n"},
		{"control", "Anna\x7FSchmidt"},
		{"invalid", "Anna Schmidt\xFF"},
		{"truncated", "Anna Schmidt\xE4\xB8"},
		{"beyond the BMP", "\U00020BB7野家店 abcdef"},
	};
	Output outputs[LENGTH(cases)];
	char text[MASK_PSEUDONYM_MAX + 2];
	bool apart = true;
	Output output;

	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		outputs[i] = run_text(MASK_PSEUDONYM, cases[i].text);
		ok(is_hash(&outputs[i]), "hashed: %s", cases[i].what);
		for (size_t j = 0; j < i; j++)
			apart = apart && !same(&outputs[i], &outputs[j]);
	}
	ok(apart, "hashed: each differently");

	/* The least of a million, and the most that FF1 and we take. */
	output = run_text(MASK_PSEUDONYM, "123456");
	ok(output.size == 6 && !is_hash(&output), "not hashed: six digits");
	output = run_text(MASK_PSEUDONYM, "Anna1");
	ok(output.size == 5, "not hashed: four letters and a digit");
	output = run_text(MASK_PSEUDONYM, "王小");
	ok(output.size == 6, "not hashed: two Chinese characters");
	memset(text, '7', sizeof(text));
	output = run(keys, MASK_PSEUDONYM, true, text, 256);
	ok(output.size == 256, "not hashed: 256 digits");
	output = run(keys, MASK_PSEUDONYM, true, text, 257);
	ok(is_hash(&output), "hashed: 257 digits");
	text[0] = 'a';
	output = run(keys, MASK_PSEUDONYM, true, text, 307);
	ok(output.size == 307, "not hashed: a letter and 306 digits, of 1022 bits");
	output = run(keys, MASK_PSEUDONYM, true, text, 308);
	ok(is_hash(&output), "hashed: a letter and 307 digits, of 1025 bits");
	memset(text, '.', sizeof(text));
	memcpy(text, "Anna Schmidt", 12);
	output = run(keys, MASK_PSEUDONYM, true, text, MASK_PSEUDONYM_MAX);
	ok(output.size == MASK_PSEUDONYM_MAX && same_form(text, output.bytes, output.size),
	   "not hashed: 512 bytes");
	output = run(keys, MASK_PSEUDONYM, true, text, MASK_PSEUDONYM_MAX + 1);
	ok(is_hash(&output), "hashed: 513 bytes");

	/* In an encoding that is not known, bytes beyond ASCII are no letters. */
	output = run(keys, MASK_PSEUDONYM, false, "M\xC3\xBCller", 7);
	ok(is_hash(&output), "hashed: another encoding");
	output = run(keys, MASK_PSEUDONYM, false, "Mueller", 7);
	ok(output.size == 7, "not hashed: ASCII in another encoding");
}

/* ---------------------------------------------------------------- permutations */

static void
check_mixed_permutation(void)
{
	/* 10^3 * 7^2 * 23 values: the smallest domains are where FF1 and the walk are both needed. */
	enum
	{
		VALUES = 1000 * 49 * 23
	};
	static const uint32_t radices[6] = {10, 10, 10, 7, 7, 23};
	static const uint32_t firsts[6] = {'0', '0', '0', 0xD8, 0xD8, 0xC0};
	static uint8_t seen[VALUES];
	bool once = true;

	for (uint32_t n = 0; n < VALUES && once; n++)
	{
		MaskSpec spec = {.kind = MASK_PSEUDONYM};
		char text[16], out[64];
		size_t len = 0, size, at = 0;
		uint32_t left = n, image = 0;

		for (int i = 0; i < 6; i++, left /= radices[i - 1])
			len += put_code(text + len, firsts[i] + left % radices[i]);
		once =
			mask_text_keyed(&spec, keys, true, text, len, out, &size) == CRYPTO_OK && size == len;
		for (int i = 0, factor = 1; once && i < 6; factor *= (int) radices[i++])
		{
			CharacterCode now;

			character_look(true, (uint8_t *) out + at, (uint8_t *) out + size, &now);
			at += now.size;
			once = now.code >= firsts[i] && now.code < firsts[i] + radices[i];
			image += (now.code - firsts[i]) * (uint32_t) factor;
		}
		once = once && seen[image]++ == 0;
	}
	ok(once, "each of %d values of a mixed form comes out once", VALUES);
}

static void
check_numbers(void)
{
	static uint8_t seen[1000000];
	char digits[MASK_NUMBER_DIGITS_MAX];
	bool once = true, sizes = true, again = true;

	for (uint32_t n = 0; n < LENGTH(seen) && once; n++)
	{
		char text[16];
		size_t count = (size_t) snprintf(text, sizeof(text), "%u", n);
		uint32_t image = 0;

		memcpy(digits, text, count);
		once = mask_pseudonym_number(keys, false, digits, &count) && count >= 1 && count <= 6 &&
			   (digits[0] != '0' || count == 1);
		for (size_t i = 0; i < count; i++)
			image = image * 10 + (uint32_t) (digits[i] - '0');
		once = once && seen[image]++ == 0;
	}
	ok(once, "each number below a million comes out once");

	for (size_t count = 7; count <= MASK_NUMBER_DIGITS_MAX; count++)
	{
		char second[MASK_NUMBER_DIGITS_MAX];
		size_t size = count, second_size = count;

		for (size_t i = 0; i < count; i++)
			digits[i] = second[i] = (char) ('0' + (i == 0 ? 1 + any(9) : any(10)));
		sizes = sizes && mask_pseudonym_number(keys, false, digits, &size) && size == count &&
				digits[0] != '0';
		again = again && mask_pseudonym_number(keys, false, second, &second_size) &&
				memcmp(digits, second, count) == 0;
	}
	ok(sizes, "a larger number has as many digits, and no zero before them");
	ok(again, "and is the same each time");

	char minus[] = "1234567", plus[] = "1234567";
	size_t seven = 7;
	ok(mask_pseudonym_number(keys, false, plus, &seven) &&
		   mask_pseudonym_number(keys, true, minus, &seven) && strcmp(plus, minus) != 0,
	   "the sign changes the digits");

	size_t none = 0, many = MASK_NUMBER_DIGITS_MAX + 1;
	ok(!mask_pseudonym_number(keys, false, digits, &none) &&
		   !mask_pseudonym_number(keys, false, digits, &many) && none == 0 &&
		   many == MASK_NUMBER_DIGITS_MAX + 1,
	   "no digits, or too many, are refused");
}

/* Values and their pseudonyms, to see whether two have one. */
static int
compare_outputs(const void *a, const void *b)
{
	return strcmp(((const Output *) a)->bytes, ((const Output *) b)->bytes);
}

static bool
all_apart(Output *outputs, size_t count)
{
	qsort(outputs, count, sizeof(*outputs), compare_outputs);
	for (size_t i = 1; i < count; i++)
	{
		if (strcmp(outputs[i - 1].bytes, outputs[i].bytes) == 0)
			return false;
	}
	return true;
}

static void
check_uuid(void)
{
	enum
	{
		VALUES = 5000
	};
	Output *outputs = must(malloc(VALUES * sizeof(*outputs)));
	Output output;
	bool form = true;

	for (uint32_t i = 0; i < VALUES; i++)
	{
		char text[64];

		snprintf(text, sizeof(text), "0f8fad5b-d9cb-469f-a165-70867%07x", i);
		outputs[i] = run_text(MASK_PSEUDONYM, text);
		form = form && outputs[i].size == 36 &&
			   strspn(outputs[i].bytes, "0123456789abcdef-") == 36 && outputs[i].bytes[8] == '-' &&
			   outputs[i].bytes[23] == '-';
	}
	ok(form, "a UUID stays one");
	ok(all_apart(outputs, VALUES), "and no two are the same");
	free(outputs);
	output = run_text(MASK_PSEUDONYM, "0F8FAD5B-D9CB-469F-A165-708677289501");
	ok(output.size == 36 && same_form("0F8FAD5B-D9CB-469F-A165-708677289501", output.bytes, 36) &&
		   strspn(output.bytes, "0123456789ABCDEF-") < 36,
	   "in capitals it is letters and digits");
}

static bool
luhn_holds(const char *text)
{
	unsigned sum = 0, place = 0;

	for (size_t i = strlen(text); i-- > 0;)
	{
		unsigned digit = (unsigned) (text[i] - '0');

		if (digit > 9)
			continue;
		if (place++ % 2 == 1)
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return sum % 10 == 0;
}

static void
check_cards(void)
{
	enum
	{
		VALUES = 20000
	};
	Output *outputs = must(malloc(VALUES * sizeof(*outputs)));
	bool form = true, valid = true;
	int valid_ones = 0;
	Output output;

	for (uint32_t i = 0; i < VALUES; i++)
	{
		char text[32];

		snprintf(text, sizeof(text), "4111 1111-%04u %04u", i / 10000, i % 10000);
		outputs[i] = run_text(MASK_PSEUDONYM_CARD, text);
		form = form && outputs[i].size == 19 && same_form(text, outputs[i].bytes, 19);
		valid = valid && luhn_holds(text) == luhn_holds(outputs[i].bytes);
		valid_ones += luhn_holds(text);
	}
	ok(form, "a card number keeps its form");
	ok(valid && valid_ones == VALUES / 10, "it is valid if it was, %d of them", valid_ones);
	ok(all_apart(outputs, VALUES), "and no two are the same");
	free(outputs);

	/* Only one of two numbers that differ in the last digit alone is valid: the other is not given
	 * away. */
	output = run_text(MASK_PSEUDONYM_CARD, "4111111111111111");
	Output neighbour = run_text(MASK_PSEUDONYM_CARD, "4111111111111112");
	ok(memcmp(output.bytes, neighbour.bytes, 15) != 0, "the check digit changes the other ones");
	output = run_text(MASK_PSEUDONYM_CARD, "4111111111111111");
	ok(output.size == 16 && luhn_holds(output.bytes), "one without spaces");
	output = run_text(MASK_PSEUDONYM_CARD, "12345678901");
	ok(is_hash(&output), "11 digits are hashed");
	output = run_text(MASK_PSEUDONYM_CARD, "12345678901234567890");
	ok(is_hash(&output), "20 digits are hashed");
	output = run_text(MASK_PSEUDONYM_CARD, "4111 1111 1111 111x");
	ok(is_hash(&output), "letters are hashed");
	output = run_text(MASK_PSEUDONYM_CARD, "");
	ok(is_hash(&output), "nothing is hashed");
	output = run_text(MASK_PSEUDONYM_CARD, "４111111111111111");
	ok(is_hash(&output), "wide digits are hashed");
}

/* ---------------------------------------------------------------- fakes */

static size_t
distinct(MaskKind kind, size_t values, size_t *words)
{
	Output *outputs = must(malloc(values * sizeof(*outputs)));
	size_t count = 1;

	*words = 0;
	for (uint32_t i = 0; i < values; i++)
	{
		char text[16];

		snprintf(text, sizeof(text), "%u", i);
		outputs[i] = run_text(kind, text);
		*words += strchr(outputs[i].bytes, ' ') != NULL;
	}
	qsort(outputs, values, sizeof(*outputs), compare_outputs);
	for (size_t i = 1; i < values; i++)
		count += strcmp(outputs[i - 1].bytes, outputs[i].bytes) != 0;
	free(outputs);
	return count;
}

static void
check_fakes(void)
{
	size_t spaces, count;
	Output a = run_text(MASK_FAKE_NAME, "Anna Schmidt");
	Output b = run_text(MASK_FAKE_NAME, "Anna Schmidt");
	Output c = run_text(MASK_FAKE_NAME, "Anna Schmitt");
	Output d = run(other_keys, MASK_FAKE_NAME, true, "Anna Schmidt", 12);

	ok(same(&a, &b) && !same(&a, &c) && !same(&a, &d), "a fake goes by value and key");

	/* Of 256, each is missing from 10000 values with a probability of 10^-17. */
	count = distinct(MASK_FAKE_FIRST_NAME, 10000, &spaces);
	ok(count == 256 && spaces == 0, "%zu first names", count);
	count = distinct(MASK_FAKE_LAST_NAME, 10000, &spaces);
	ok(count == 256 && spaces == 0, "%zu last names", count);
	count = distinct(MASK_FAKE_CITY, 10000, &spaces);
	ok(count == 256, "%zu cities", count);
	/* Of 65536 and 32768, 10000 choices hit 9276 and 8617 different ones, give or take 30. */
	count = distinct(MASK_FAKE_NAME, 10000, &spaces);
	ok(count > 9000 && count < 9500 && spaces == 10000, "%zu names", count);
	count = distinct(MASK_FAKE_COMPANY, 10000, &spaces);
	ok(count > 8300 && count < 8900 && spaces == 10000, "%zu companies", count);
	a = run_text(MASK_FAKE_CITY, "");
	ok(a.size > 0, "nothing has a fake, too");
	a = run(keys, MASK_FAKE_CITY, true, "\xFF\0\xFE", 3);
	ok(a.size > 0, "invalid bytes have one, too");
	a = run(keys, MASK_REDACT, true, "secret", 6);
	ok(strcmp(a.bytes, "[redacted]") == 0, "what is not keyed is redacted");
}

/* ---------------------------------------------------------------- noise */

static void
check_noise(void)
{
	bool bounded = true, again = true;
	int64_t sum = 0, least = INT64_MAX, most = INT64_MIN;
	size_t buckets[7] = {0};
	int same_context = 0;
	uint64_t state = 7;

	for (int i = 0; i < 70000; i++)
	{
		Bytes value = bytes_view(&i, sizeof(i));
		int64_t noise = mask_noise(keys, STRING("t.c"), value, 3);

		bounded = bounded && noise >= -3 && noise <= 3;
		again = again && noise == mask_noise(keys, STRING("t.c"), value, 3);
		same_context += noise == mask_noise(keys, STRING("t.d"), value, 3);
		buckets[(noise + 3) % 7]++;
		noise = mask_noise(keys, STRING("t.c"), value, INT32_MAX);
		bounded = bounded && noise >= -(int64_t) INT32_MAX && noise <= (int64_t) INT32_MAX;
		least = noise < least ? noise : least;
		most = noise > most ? noise : most;
		sum += noise / 70000;
	}
	ok(bounded, "noise stays in its range");
	ok(again, "it is the same each time");
	/* 10000 each, deviation 93 */
	for (size_t i = 0; i < LENGTH(buckets); i++)
		ok(buckets[i] > 9400 && buckets[i] < 10600, "%zu times %d of 70000", buckets[i],
		   (int) i - 3);
	ok(same_context > 9400 && same_context < 10600, "another context has another, but %d",
	   same_context);
	ok(least < -(int64_t) INT32_MAX / 100 * 99 && most > (int64_t) INT32_MAX / 100 * 99,
	   "both ends are reached");
	ok(sum > -(int64_t) INT32_MAX / 50 && sum < (int64_t) INT32_MAX / 50, "they even out");
	ok(mask_noise(keys, STRING("a"), STRING("bc"), INT32_MAX) !=
			   mask_noise(keys, STRING("ab"), STRING("c"), INT32_MAX) &&
		   mask_noise(keys, STRING(""), STRING("a"), INT32_MAX) !=
			   mask_noise(keys, STRING("a"), STRING(""), INT32_MAX) &&
		   mask_noise(keys, STRING("a"), STRING("bc"), INT32_MAX) !=
			   mask_noise(other_keys, STRING("a"), STRING("bc"), INT32_MAX),
	   "context, value and key are told apart");
	ok(mask_noise(keys, STRING(""), bytes_view(&state, sizeof(state)), 0) == 0, "none is none");
}

int
main(void)
{
	uint8_t secret[MASK_SECRET_SIZE];

	begin();
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t) i;
	keys = must(mask_keys_create(secret));
	secret[0] ^= 1;
	other_keys = must(mask_keys_create(secret));
	check_pinned();
	check_form();
	check_hashed();
	check_mixed_permutation();
	check_numbers();
	check_uuid();
	check_cards();
	check_fakes();
	check_noise();
	mask_keys_free(keys);
	mask_keys_free(other_keys);
	mask_keys_free(NULL);
	return end();
}
