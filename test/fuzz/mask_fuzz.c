/*
 * mask_fuzz.c - any bytes as a mask's name and as a value
 *
 * Input: kind, prefix, suffix, encoding, a byte each; the rest is the value. Of
 * range, constant and json, what stands before the first zero byte is the argument.
 * Outputs lie in blocks of exactly the promised size.
 */
#include <stdlib.h>
#include <string.h>

#include "mask/character.h"
#include "mask/json.h"
#include "mask/keys.h"
#include "mask/mask.h"
#include "mask/text.h"
#include "fuzz.h"

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
	require(written <= bound && (written >= 3 || spec->kind == MASK_CONSTANT ||
								 spec->kind == MASK_IP)); /* "::" is an address */
	require(valid(utf8, (const uint8_t *) out, written));
	free(out);
}

/* Values of the usual form have the same masks by another way. */
static void
fuzz_usual(const MaskSpec *spec, bool utf8, const uint8_t *data, size_t size)
{
	uint8_t *out = malloc(MASK_BOUND_MAX);
	uint8_t *full = malloc(MASK_BOUND_MAX);
	MaskInput in = {data, data + size, utf8};
	unsigned prefix = (unsigned) mask_clamp_keep(spec->prefix);
	size_t written;

	require(out != NULL && full != NULL);
	written = mask_email_ascii(&in, out);
	require(written == 0 || (written == mask_email(&in, full) && memcmp(out, full, written) == 0));
	written = mask_phone_ascii(&in, out);
	require(written == 0 || (written == mask_phone(&in, full) && memcmp(out, full, written) == 0));
	written = mask_prefix_ascii(&in, prefix, out);
	require(written == 0 ||
			(written == mask_partial(&in, prefix, 0, full) && memcmp(out, full, written) == 0));
	free(out);
	free(full);
}

static MaskKeys *
get_keys(void)
{
	static MaskKeys *keys;
	static const void *held[2]; /* the checker for leaks does not look into guarded memory */

	if (keys == NULL)
	{
		keys = mask_keys_create((const uint8_t *) "the key of the fuzzing corpus...");
		require(keys != NULL);
		held[0] = keys->ff1;
		held[1] = keys->hmac;
	}
	return held[0] != NULL ? keys : NULL;
}

static void
fuzz_keyed(const MaskSpec *spec, bool utf8, const uint8_t *data, size_t size)
{
	MaskKeys *keys = get_keys();
	size_t bound = mask_keyed_bound(spec, size);
	char *out = malloc(bound);
	size_t written;

	require(keys != NULL && out != NULL && bound <= MASK_KEYED_MAX);
	require(mask_text_keyed(spec, keys, utf8, (const char *) data, size, out, &written) ==
			CRYPTO_OK);
	require(written > 0 && written <= bound && valid(utf8, (const uint8_t *) out, written));
	free(out);
}

static void
fuzz_number(const uint8_t *data, size_t size)
{
	MaskKeys *keys = get_keys();
	char digits[MASK_NUMBER_DIGITS_MAX];
	size_t count = size;

	for (size_t i = 0; i < size && i < sizeof(digits); i++)
		digits[i] = (char) ('0' + (i == 0 ? 1 + data[i] % 9 : data[i] % 10));
	require(mask_pseudonym_number(keys, size % 2 == 0, digits, &count) ==
			(size > 0 && size <= MASK_NUMBER_DIGITS_MAX));
	require(size > 6 ? count == size : size == 0 || (count >= 1 && count <= 6));
}

static size_t
mask_inner(void *context, const MaskSpec *spec, Bytes text, char out[MASK_BOUND_MAX])
{
	(void) context;
	return mask_text(spec, true, (const char *) text.data, text.len, out);
}

static void
write_nowhere(void *context, const void *data, size_t size)
{
	static uint8_t sum;

	for (size_t i = 0; i < size; i++)
		sum ^= ((const uint8_t *) data)[i];
	*(size_t *) context += size + 0 * sum;
}

/* A value that is no key is written six times as long at most, or as long as a mask. */
static void
fuzz_document(const MaskSpec *spec, const uint8_t *data, size_t size)
{
	size_t written = 0;
	MaskJsonCaller caller = {&written, mask_inner, mask_inner, write_nowhere};
	MaskRules *rules = mask_rules_create(spec);
	uint8_t *document = malloc(size); /* so that reading beyond it is noticed */
	uint8_t *room = malloc(size);

	require(size == 0 || (document != NULL && room != NULL));
	if (size > 0)
		memcpy(document, data, size);
	if (rules != NULL)
		mask_json(rules, &caller, bytes_view(document, size), room);
	require(written <= size * (6 * (size_t) MASK_ARGUMENT_MAX + 16));
	mask_rules_free(rules);
	free(document);
	free(room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MaskSpec spec = {.kind = MASK_REDACT};
	const uint8_t *value = data + 4;
	size_t left;

	fuzz_spelling(data, size);
	if (size < 4)
		return 0;
	left = size - 4;
	spec.kind = (MaskKind) (data[0] % MASK_KINDS);
	spec.prefix = data[1] % (MASK_KEEP_MAX + 1);
	spec.suffix = data[2] % (MASK_KEEP_MAX + 1);
	if (spec.kind == MASK_RANGE || spec.kind == MASK_CONSTANT || spec.kind == MASK_JSON ||
		spec.kind == MASK_JSON_HIDE || spec.kind == MASK_JSON_SHOW)
	{
		size_t argument = strnlen((const char *) value, left);
		char written[MASK_SPEC_MAX];
		const char *problem;

		memcpy(spec.argument, value,
			   argument < sizeof(spec.argument) ? argument : sizeof(spec.argument) - 1);
		mask_format(&spec, written);
		if (spec.kind != MASK_CONSTANT && !mask_parse(written, &spec, &problem))
			return 0;
		value += argument;
		left -= argument;
		if (left > 0)
		{
			value++;
			left--;
		}
	}
	fuzz_value(&spec, data[3] % 2 == 0, value, left);
	fuzz_usual(&spec, data[3] % 2 == 0, value, left);
	fuzz_keyed(&spec, data[3] % 2 == 0, value, left);
	fuzz_number(value, left);
	fuzz_document(&spec, value, left);
	return 0;
}
