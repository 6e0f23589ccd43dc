/*
 * normalize.c
 *		What texts have in common that are to be found by each other.
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

#include "base/secret.h"
#include "class/folding.h"
#include "class/normalize.h"

static const struct
{
	const char *name;
	Normalization step;
} steps[] = {
	{"lower", NORMALIZE_LOWER},
	{"trim", NORMALIZE_TRIM},
	{"nfc", NORMALIZE_NFC},
};

static Normalization
step_of_name(const char *name, size_t length)
{
	for (size_t i = 0; i < lengthof(steps); i++)
	{
		if (strlen(steps[i].name) == length && strncmp(steps[i].name, name, length) == 0)
			return steps[i].step;
	}
	return NORMALIZE_NONE;
}

bool
NormalizationParse(const char *text, Normalization *normalization, const char **problem)
{
	const char *at = text;
	int found = 0;

	for (;;)
	{
		size_t length;
		Normalization step;

		at += strspn(at, " ");
		length = strcspn(at, " ,");
		if (length == 0 && *at == '\0' && found == 0)
			break;
		step = step_of_name(at, length);
		if (step == NORMALIZE_NONE || (found & (int) step) != 0)
		{
			*problem = step == NORMALIZE_NONE ? "the steps are lower, trim and nfc"
											  : "each step may be named once";
			return false;
		}
		found |= (int) step;
		at += length;
		at += strspn(at, " ");
		if (*at == '\0')
			break;
		if (*at++ != ',')
		{
			*problem = "the steps are separated by commas";
			return false;
		}
	}
	*normalization = (Normalization) found;
	return true;
}

const char *
NormalizationFormat(Normalization normalization)
{
	static const char *const spellings[] = {
		"", "lower", "trim", "lower, trim", "nfc", "lower, nfc", "trim, nfc", "lower, trim, nfc",
	};

	return spellings[normalization];
}

/* ---------------------------------------------------------------- code points */

static bool
is_ascii(Bytes text)
{
	uint8_t all = 0;

	for (size_t i = 0; i < text.len; i++)
		all |= text.data[i];
	return all < 0x80;
}

static pg_wchar
fold(pg_wchar code)
{
	size_t low = 0;
	size_t high = lengthof(foldings);

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (code > foldings[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < lengthof(foldings) && code >= foldings[low].first &&
		(code - foldings[low].first) % foldings[low].step == 0)
		return (pg_wchar) ((int32) code + foldings[low].delta);
	return code;
}

/* Unicode's property White_Space. */
static bool
is_space(pg_wchar code)
{
	return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 ||
		   code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
		   code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

/*
 * Zero-terminated, as the server's functions have it. NULL for what is no UTF-8,
 * or holds a zero: no text does, but what was sealed elsewhere may be anything.
 */
static pg_wchar *
decode(Bytes text)
{
	pg_wchar *codes =
		MemoryContextAllocHuge(CurrentMemoryContext, (text.len + 1) * sizeof(pg_wchar));
	pg_wchar *out = codes;
	const uint8_t *at = text.data;
	const uint8_t *end = text.data + text.len;

	while (at < end)
	{
		int size = pg_utf_mblen(at);

		if (size > end - at || !pg_utf8_islegal(at, size) || *at == 0)
		{
			secret_wipe(codes, (size_t) (out - codes) * sizeof(pg_wchar));
			pfree(codes);
			return NULL;
		}
		*out++ = utf8_to_unicode(at);
		at += size;
	}
	*out = 0;
	return codes;
}

static Bytes
encode(const pg_wchar *codes)
{
	size_t count = 0;
	uint8_t *text;
	uint8_t *out;

	while (codes[count] != 0)
		count++;
	out = text = MemoryContextAllocHuge(CurrentMemoryContext, count * 4 + 1);
	for (size_t i = 0; i < count; i++)
	{
		unicode_to_utf8(codes[i], out);
		out += pg_utf_mblen(out);
	}
	return bytes_view(text, (size_t) (out - text));
}

/* They are the value, or nearly. */
static void
forget(pg_wchar *codes)
{
	size_t count = 0;

	while (codes[count] != 0)
		count++;
	secret_wipe(codes, count * sizeof(pg_wchar));
	pfree(codes);
}

static pg_wchar *
compose(pg_wchar *codes)
{
	pg_wchar *composed = unicode_normalize(UNICODE_NFC, codes);

	forget(codes);
	return composed;
}

static Bytes
normalize_unicode(Normalization normalization, Bytes text)
{
	pg_wchar *codes = decode(text);
	pg_wchar *start;
	size_t count = 0;

	if (codes == NULL)
		return text;
	if (normalization & NORMALIZE_NFC)
		codes = compose(codes);
	if (normalization & NORMALIZE_LOWER)
	{
		for (pg_wchar *at = codes; *at != 0; at++)
			*at = fold(*at);

		/* Some composed characters fold to what is to be composed again. */
		if (normalization & NORMALIZE_NFC)
			codes = compose(codes);
	}
	start = codes;
	if (normalization & NORMALIZE_TRIM)
	{
		while (*start != 0 && is_space(*start))
			start++;
		while (start[count] != 0)
			count++;
		while (count > 0 && is_space(start[count - 1]))
			start[--count] = 0;
	}
	text = encode(start);
	forget(codes);
	return text;
}

/* ASCII is in normal form already. */
static Bytes
normalize_ascii(Normalization normalization, Bytes text)
{
	if (normalization & NORMALIZE_TRIM)
	{
		while (text.len > 0 && is_space(text.data[0]))
			text = bytes_view(text.data + 1, text.len - 1);
		while (text.len > 0 && is_space(text.data[text.len - 1]))
			text.len--;
	}
	if (normalization & NORMALIZE_LOWER)
	{
		uint8_t *lower = MemoryContextAllocHuge(CurrentMemoryContext, text.len + 1);

		for (size_t i = 0; i < text.len; i++)
			lower[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] + ('a' - 'A')
																  : text.data[i];
		text = bytes_view(lower, text.len);
	}
	return text;
}

Bytes
Normalize(Normalization normalization, Bytes text)
{
	if (normalization == NORMALIZE_NONE)
		return text;
	return is_ascii(text) ? normalize_ascii(normalization, text)
						  : normalize_unicode(normalization, text);
}
