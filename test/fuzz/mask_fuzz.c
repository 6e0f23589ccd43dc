/*
 * mask_fuzz.c - any bytes as a mask's name and as a value
 *
 * SOURCES: extension/mask/mask.c extension/mask/text.c extension/mask/character.c
 *
 * Input: kind, prefix, suffix, encoding, a byte each; the rest is the value.
 * Outputs lie in blocks of exactly the promised size.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mask/character.h"
#include "mask/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
fuzz_spelling(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char canonical[MASK_SPEC_MAX];
	char again[MASK_SPEC_MAX];
	const char *problem = NULL;
	MaskSpec spec;

	require(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (mask_parse(text, &spec, &problem))
	{
		mask_format(&spec, canonical);
		require(mask_parse(canonical, &spec, &problem));
		mask_format(&spec, again);
		require(strcmp(canonical, again) == 0);
	}
	else
		require(problem != NULL);
	free(text);
}

static bool
valid(bool utf8, const uint8_t *bytes, size_t size)
{
	CharacterCode code;

	for (const uint8_t *at = bytes; at < bytes + size; at += code.size)
	{
		character_look(utf8, at, bytes + size, &code);
		if (code.class == CHARACTER_INVALID)
			return false;
	}
	return true;
}

static void
fuzz_value(const MaskSpec *spec, bool utf8, const uint8_t *data, size_t size)
{
	size_t bound = mask_bound(spec, size);
	char *out = malloc(bound);
	size_t written;

	require(out != NULL && bound <= MASK_BOUND_MAX);
	written = mask_text(spec, utf8, (const char *) data, size, out);
	require(written >= 3 && written <= bound);
	require(valid(utf8, (const uint8_t *) out, written));
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MaskSpec spec;

	fuzz_spelling(data, size);
	if (size < 4)
		return 0;
	spec.kind = (MaskKind) (data[0] % (MASK_JSON_SHOW + 1));
	spec.prefix = data[1] % (MASK_KEEP_MAX + 1);
	spec.suffix = data[2] % (MASK_KEEP_MAX + 1);
	fuzz_value(&spec, data[3] % 2 == 0, data + 4, size - 4);
	return 0;
}
