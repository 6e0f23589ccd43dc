/*
 * normalize_fuzz.c - any bytes as a text to be found by, and as a list of steps
 *
 * SERVER: extension/class/normalize.c
 *
 * Input: a byte that chooses the steps; the rest is the text. The composition
 * of characters is the server's own, from its library for client programs, as
 * is the memory: each text lies in a block of exactly its size.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "class/normalize.h"
#include "fuzz.h"

/* Of the server, that normalize.c asks for; pfree() is in the library. */
MemoryContext CurrentMemoryContext;

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	void *block = malloc(size);

	(void) context;
	if (block == NULL)
		abort();
	return block;
}

static bool
is_text(Bytes text)
{
	for (size_t i = 0; i < text.len;)
	{
		size_t width = (size_t) pg_utf_mblen(text.data + i);

		if (text.data[i] == 0 || width > text.len - i ||
			!pg_utf8_islegal(text.data + i, (int) width))
			return false;
		i += width;
	}
	return true;
}

/* In a block of its own, so that a step beyond either end is seen. */
static Bytes
copy(Bytes text)
{
	uint8_t *block = malloc(text.len > 0 ? text.len : 1);

	require(block != NULL);
	if (text.len > 0)
		memcpy(block, text.data, text.len);
	return bytes_view(block, text.len);
}

static bool
lies_in(Bytes part, Bytes whole)
{
	return part.data >= whole.data && part.data <= whole.data + whole.len;
}

static Bytes
normalize(Normalization normalization, Bytes text)
{
	Bytes result = Normalize(normalization, text);
	Bytes own = copy(result);

	if (!lies_in(result, text))
		free((void *) result.data);
	return own;
}

static void
fuzz_text(Normalization normalization, Bytes text)
{
	Bytes given = copy(text);
	Bytes once = normalize(normalization, given);
	Bytes twice = normalize(normalization, once);

	require(once.len <= 3 * text.len);
	require(twice.len == once.len && memcmp(twice.data, once.data, once.len) == 0);
	require(memcmp(given.data, text.data, text.len) == 0);
	if (is_text(given))
		require(is_text(once));
	free((void *) given.data);
	free((void *) once.data);
	free((void *) twice.data);
}

static void
fuzz_steps(Bytes spelling)
{
	char *text = malloc(spelling.len + 1);
	Normalization normalization;
	Normalization again;
	const char *problem = NULL;

	require(text != NULL);
	memcpy(text, spelling.data, spelling.len);
	text[spelling.len] = '\0';
	if (NormalizationParse(text, &normalization, &problem))
	{
		require(NormalizationParse(NormalizationFormat(normalization), &again, &problem));
		require(again == normalization);
	}
	else
		require(problem != NULL);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	fuzz_text((Normalization) (data[0] & (NORMALIZE_LOWER | NORMALIZE_TRIM | NORMALIZE_NFC)),
			  bytes_view(data + 1, size - 1));
	fuzz_steps(bytes_view(data + 1, size - 1));
	return 0;
}
