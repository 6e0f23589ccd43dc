/*
 * spec.c - how masks are written
 */
#include <stdio.h>
#include <string.h>

#include "mask/mask.h"
#include "mask/text.h"

typedef enum Takes
{
	TAKES_NOTHING,
	TAKES_COUNTS, /* (prefix, suffix) */
	TAKES_STEP,   /* (a positive decimal number) */
	TAKES_PATHS,  /* (a.b, c) */
} Takes;

static const struct
{
	const char *name;
	MaskKind kind;
	Takes takes;
} masks[] = {
	{"redact", MASK_REDACT, TAKES_NOTHING},     {"partial", MASK_PARTIAL, TAKES_COUNTS},
	{"email", MASK_EMAIL, TAKES_NOTHING},       {"card", MASK_CARD, TAKES_NOTHING},
	{"phone", MASK_PHONE, TAKES_NOTHING},       {"hash", MASK_HASH, TAKES_NOTHING},
	{"null", MASK_NULL, TAKES_NOTHING},         {"year", MASK_YEAR, TAKES_NOTHING},
	{"month", MASK_MONTH, TAKES_NOTHING},       {"round", MASK_ROUND, TAKES_STEP},
	{"zero", MASK_ZERO, TAKES_NOTHING},         {"length", MASK_LENGTH, TAKES_NOTHING},
	{"json", MASK_JSON, TAKES_NOTHING},         {"json_hide", MASK_JSON_HIDE, TAKES_PATHS},
	{"json_show", MASK_JSON_SHOW, TAKES_PATHS},
};

#define MASKS (sizeof(masks) / sizeof(masks[0]))

/* What a step may have, the point not counted: as many as decide about a rounding. */
#define STEP_DIGITS_MAX 20

const char *
mask_names(void)
{
	return "redact, partial(prefix, suffix), email, card, phone, hash, null; year, month for "
		   "dates; "
		   "round(step), zero for numbers; length for bytes; json, json_hide(path, ...), "
		   "json_show(path, ...) for JSON";
}

int
mask_clamp_keep(int keep)
{
	return keep < 0 ? 0 : keep > MASK_KEEP_MAX ? MASK_KEEP_MAX : keep;
}

/* Not isspace: what a name is must not depend on the server's locale. */
static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *
skip_spaces(const char *text)
{
	while (is_space(*text))
		text++;
	return text;
}

static bool
is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
same_name(const char *text, size_t len, const char *name)
{
	if (len != strlen(name))
		return false;
	for (size_t i = 0; i < len; i++)
	{
		char c = text[i] >= 'A' && text[i] <= 'Z' ? (char) (text[i] | 0x20) : text[i];

		if (c != name[i])
			return false;
	}
	return true;
}

/* A number up to MASK_KEEP_MAX and `closing` after it; returns where it ended, or NULL. */
static const char *
parse_count(const char *text, char closing, int *number)
{
	int value = 0;

	text = skip_spaces(text);
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++)
	{
		value = value * 10 + (*text - '0');
		if (value > MASK_KEEP_MAX)
			return NULL;
	}
	text = skip_spaces(text);
	if (*text != closing)
		return NULL;
	*number = value;
	return text + 1;
}

/* A decimal number greater than 0 and ")"; as above. */
static const char *
parse_step(const char *text, char *out)
{
	int digits = 0;
	bool point = false;
	bool positive = false;

	for (text = skip_spaces(text); (*text >= '0' && *text <= '9') || *text == '.'; text++)
	{
		if (*text == '.')
		{
			if (point || digits == 0)
				return NULL;
			point = true;
		}
		else if (++digits > STEP_DIGITS_MAX)
			return NULL;
		positive = positive || (*text > '0' && *text <= '9');
		*out++ = *text;
	}
	*out = '\0';
	text = skip_spaces(text);
	return positive && out[-1] != '.' && *text == ')' ? text + 1 : NULL;
}

/*
 * Keys parted by points, paths by commas, and ")"; as above. No key may be
 * empty, so "a..b" is a mistake and no path that hides nothing.
 */
static const char *
parse_paths(const char *text, char *out)
{
	const char *end = out + MASK_ARGUMENT_MAX - 1;

	for (;;)
	{
		const char *key = text = skip_spaces(text);
		size_t len;

		while (*text != '\0' && !strchr(".,()\"", *text))
		{
			if ((unsigned char) *text < ' ' || *text == 0x7F)
				return NULL;
			text++;
		}
		len = (size_t) (text - key);
		while (len > 0 && is_space(key[len - 1]))
			len--;
		if (len == 0 || out + len + 1 > end)
			return NULL;
		memcpy(out, key, len);
		out += len;
		if (*text == ')')
		{
			*out = '\0';
			return text + 1;
		}
		if (*text != '.' && *text != ',')
			return NULL;
		*out++ = *text++;
	}
}

bool
mask_parse(const char *text, MaskSpec *spec, const char **problem)
{
	MaskSpec parsed = {.kind = MASK_REDACT};
	const char *name;
	size_t len;
	size_t found = 0;

	text = name = skip_spaces(text);
	while (is_name_character(*text))
		text++;
	len = (size_t) (text - name);
	while (found < MASKS && !same_name(name, len, masks[found].name))
		found++;
	if (found == MASKS)
	{
		*problem = "there is no mask of that name";
		return false;
	}
	parsed.kind = masks[found].kind;

	text = skip_spaces(text);
	if (masks[found].takes == TAKES_NOTHING && *text == '(')
	{
		*problem = "this mask takes nothing in parentheses";
		return false;
	}
	if (masks[found].takes == TAKES_COUNTS &&
		(*text != '(' || !(text = parse_count(text + 1, ',', &parsed.prefix)) ||
		 !(text = parse_count(text, ')', &parsed.suffix))))
	{
		*problem = "partial needs (prefix, suffix), two numbers from 0 to 64";
		return false;
	}
	if (masks[found].takes == TAKES_STEP &&
		(*text != '(' || !(text = parse_step(text + 1, parsed.argument))))
	{
		*problem = "round needs (step), a positive number of at most 20 digits such as 1000 or 0.5";
		return false;
	}
	if (masks[found].takes == TAKES_PATHS &&
		(*text != '(' || !(text = parse_paths(text + 1, parsed.argument))))
	{
		*problem = "json_hide and json_show need paths of keys, such as (name, address.city)";
		return false;
	}

	if (*skip_spaces(text) != '\0')
	{
		*problem = "something follows the mask";
		return false;
	}
	*spec = parsed;
	return true;
}

void
mask_format(const MaskSpec *spec, char out[MASK_SPEC_MAX])
{
	size_t i = 0;

	while (i < MASKS && masks[i].kind != spec->kind)
		i++;
	if (i == MASKS)
		i = 0; /* as mask_text does */
	switch (masks[i].takes)
	{
		case TAKES_NOTHING:
			snprintf(out, MASK_SPEC_MAX, "%s", masks[i].name);
			break;
		case TAKES_COUNTS:
			snprintf(out, MASK_SPEC_MAX, "%s(%d,%d)", masks[i].name, mask_clamp_keep(spec->prefix),
					 mask_clamp_keep(spec->suffix));
			break;
		case TAKES_STEP:
		case TAKES_PATHS:
			snprintf(out, MASK_SPEC_MAX, "%s(%s)", masks[i].name, spec->argument);
			break;
	}
}
