/*
 * mask_bench.c - what each mask costs for a value of about 40 bytes
 *
 * SOURCES: extension/mask/mask.c extension/mask/text.c extension/mask/character.c
 *
 * The best of several rounds, in nanoseconds a value, and how many copies of
 * the value (memcpy into the same place) that time would buy.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mask/mask.h"

#define VALUES 200000
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
};

static volatile size_t sink;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

int
main(void)
{
	static char out[MASK_BOUND_MAX];

	printf("%-14s %-14s %5s %9s %9s\n", "mask", "value", "bytes", "ns", "x memcpy");
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
				sink = mask_text(&spec, true, loads[i].value, len, out);
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
		printf("%-14s %-14s %5zu %9.1f %9.1f\n", loads[i].mask, loads[i].what, len, masked / VALUES,
			   masked / copied);
	}
	return 0;
}
