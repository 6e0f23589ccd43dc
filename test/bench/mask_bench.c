/*
 * mask_bench.c - what each mask costs for a value of about 40 bytes
 *
 * SOURCES: extension/mask/[a-z]*.c extension/crypto/[a-z]*.c extension/base/secret.c
 *
 * The best of several rounds, in nanoseconds a value, and how many copies of
 * the value (memcpy into the same place) that time would buy.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mask/keyed.h"
#include "mask/mask.h"

#define VALUES 50000
#define ROUNDS 15

static const struct
{
	const char *mask;
	const char *what;
	const char *value;
} loads[] = {
	{"redact", "ASCII", "The Tower, reversed, in the ninth house."},
	{"partial(2,4)", "ASCII", "The Tower, reversed, in the ninth house."},
	{"partial(2,4)", "Latin", "Élodie Brontë-Müller à la façade dorée"},
	{"partial(2,4)", "Cyrillic", "Анастасия Николаевна"},
	{"partial(2,4)", "Arabic", "عبد الرحمن بن محمد ال"},
	{"partial(2,4)", "Devanagari", "नमस्ते दुनिया "},
	{"partial(2,4)", "Chinese", "司马相如与卓文君的故事长"},
	{"partial(2,4)", "emoji", "👩‍👩‍👧‍👦🇩🇪👍🏽ab"},
	{"partial(2,4)", "combining",
	 "e\u0301a\u0308o\u0302e\u0301a\u0308o\u0302e\u0301a\u0308o\u0302e\u0301a\u0308o\u0302"},
	{"email", "ASCII", "anastasia.nikolaevna@mail.example.com.au"},
	{"email", "quoted", "\"anastasia nikolaevna\"@mail.example.com"},
	{"email", "Cyrillic", "анастасия@пример.рф"},
	{"email", "Chinese", "司马相如@例子例子例.公司"},
	{"email", "no address", "The Tower, reversed, in the ninth house."},
	{"card", "digits", "4111111111111234"},
	{"card", "40 bytes", "4111 - 1111 - 1111 - 1234               "},
	{"phone", "usual", "+49 (30) 1234-5678"},
	{"phone", "40 bytes", "+49 (030) - 123 / 45.67.89 ext. 12 / 345"},
	{"phone", "Arabic digits", "+٩٦٦ ٥٠١٢٣٤٥٦٧٨٩٠١٢"},
	{"iban", "grouped", "DE89 3704 0044 0532 0130 00"},
	{"name", "ASCII", "Anna-Maria Schmidt"},
	{"name", "40 bytes", "Dr. Anastasia Nikolaevna O'Neill-Schmidt"},
	{"name", "Cyrillic", "Анастасия Николаевна"},
	{"name", "Arabic", "عبد الرحمن بن محمد ال"},
	{"name", "Chinese", "司马 相如"},
	{"address", "country last", "12 Main Street, Springfield 62704, Germany"},
	{"address", "no country", "Unter den Linden 5, 10117 Berlin-Mitte"},
	{"ip", "IPv4", "192.168.120.155"},
	{"ip", "IPv6", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"},
	{"range(10)", "number", "12345.67"},
	{"constant(hidden)", "ASCII", "The Tower, reversed, in the ninth house."},
	{"fake_first_name", "ASCII", "Anastasia"},
	{"fake_name", "ASCII", "Anastasia Nikolaevna"},
	{"fake_city", "40 bytes", "The Tower, reversed, in the ninth house."},
	{"fake_company", "ASCII", "Example Holding International Ltd."},
	{"pseudonym", "16 digits", "4111111111111234"},
	{"pseudonym", "6 letters", "secret"},
	{"pseudonym", "mixed", "AB-1234-XY"},
	{"pseudonym", "e-mail", "anna.schmidt99@example.com"},
	{"pseudonym", "40 bytes", "The Tower, reversed, in the ninth house."},
	{"pseudonym", "40 mixed", "The Tower, reversed, in the 9th house 12"},
	{"pseudonym", "Cyrillic", "Анастасия Николаевна"},
	{"pseudonym", "UUID", "0f8fad5b-d9cb-469f-a165-708677289501"},
	{"pseudonym", "hashed", "Anna"},
	{"pseudonym_card", "digits", "4111 1111 1111 1111"},
};

static volatile size_t sink;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static inline size_t
run(const MaskSpec *spec, MaskKeys *keys, const char *value, size_t len, char *out)
{
	size_t size;

	if (!mask_is_keyed(spec->kind))
		return mask_text(spec, true, value, len, out);
	mask_text_keyed(spec, keys, true, value, len, out, &size);
	return size;
}

int
main(void)
{
	static char out[MASK_BOUND_MAX];
	static const uint8_t secret[MASK_SECRET_SIZE] = {1, 2, 3};
	MaskKeys *keys = mask_keys_create(secret);

	if (keys == NULL)
		return 1;
	printf("%-16s %-14s %5s %9s %9s\n", "mask", "value", "bytes", "ns", "x memcpy");
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
	{
		size_t len = strlen(loads[i].value);
		double masked = 1e18, copied = 1e18;
		const char *problem;
		MaskSpec spec;

		if (!mask_parse(loads[i].mask, &spec, &problem))
			return 1;
		for (int round = 0; round < ROUNDS; round++)
		{
			double start = now(), middle, end;

			for (int n = 0; n < VALUES; n++)
				sink = run(&spec, keys, loads[i].value, len, out);
			middle = now();
			for (int n = 0; n < VALUES; n++)
			{
				memcpy(out, loads[i].value, len);
				__asm__ volatile("" : : "r"(out) : "memory");
				sink = len;
			}
			end = now();
			masked = middle - start < masked ? middle - start : masked;
			copied = end - middle < copied ? end - middle : copied;
		}
		printf("%-16s %-14s %5zu %9.1f %9.1f\n", loads[i].mask, loads[i].what, len, masked / VALUES,
			   masked / copied);
	}

	double best = 1e18;
	for (int round = 0; round < ROUNDS; round++)
	{
		double start = now();

		for (int n = 0; n < VALUES; n++)
			sink =
				(size_t) mask_noise(keys, bytes_of_string("table.column"), bytes_view(&n, 4), 30);
		best = now() - start < best ? now() - start : best;
	}
	printf("%-16s %-14s %5d %9.1f\n", "noise", "4 bytes", 4, best / VALUES);

	static const char *const numbers[] = {"123", "12345678", "1234567890", "1234567890123456789"};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		best = 1e18;
		for (int round = 0; round < ROUNDS; round++)
		{
			double start = now();

			for (int n = 0; n < VALUES; n++)
			{
				char digits[MASK_NUMBER_DIGITS_MAX];
				size_t count = strlen(numbers[i]);

				memcpy(digits, numbers[i], count);
				sink = mask_pseudonym_number(keys, false, digits, &count);
			}
			best = now() - start < best ? now() - start : best;
		}
		printf("%-16s %-14s %5zu %9.1f\n", "pseudonym", "number", strlen(numbers[i]),
			   best / VALUES);
	}
	mask_keys_free(keys);
	return 0;
}
