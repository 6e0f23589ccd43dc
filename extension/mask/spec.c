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
	TAKES_AMOUNT, /* the same, or with "%" after it */
	TAKES_PATHS,  /* (a.b, c) */
	TAKES_RULES,  /* nothing, or (a.b: mask, c: mask) */
	TAKES_BITS,   /* nothing, or (of IPv4, of IPv6) */
	TAKES_TEXT,   /* (anything) */
	TAKES_NAME,   /* (schema.name) */
} Takes;

static const struct
{
	const char *name;
	MaskKind kind;
	Takes takes;
} masks[] = {
	{"redact", MASK_REDACT, TAKES_NOTHING},
	{"partial", MASK_PARTIAL, TAKES_COUNTS},
	{"email", MASK_EMAIL, TAKES_NOTHING},
	{"card", MASK_CARD, TAKES_NOTHING},
	{"phone", MASK_PHONE, TAKES_NOTHING},
	{"iban", MASK_IBAN, TAKES_NOTHING},
	{"name", MASK_NAME, TAKES_NOTHING},
	{"address", MASK_ADDRESS, TAKES_NOTHING},
	{"ip", MASK_IP, TAKES_BITS},
	{"hash", MASK_HASH, TAKES_NOTHING},
	{"pseudonym", MASK_PSEUDONYM, TAKES_NOTHING},
	{"pseudonym_card", MASK_PSEUDONYM_CARD, TAKES_NOTHING},
	{"fake_first_name", MASK_FAKE_FIRST_NAME, TAKES_NOTHING},
	{"fake_last_name", MASK_FAKE_LAST_NAME, TAKES_NOTHING},
	{"fake_name", MASK_FAKE_NAME, TAKES_NOTHING},
	{"fake_city", MASK_FAKE_CITY, TAKES_NOTHING},
	{"fake_company", MASK_FAKE_COMPANY, TAKES_NOTHING},
	{"constant", MASK_CONSTANT, TAKES_TEXT},
	{"null", MASK_NULL, TAKES_NOTHING},
	{"year", MASK_YEAR, TAKES_NOTHING},
	{"month", MASK_MONTH, TAKES_NOTHING},
	{"decade", MASK_DECADE, TAKES_NOTHING},
	{"quarter", MASK_QUARTER, TAKES_NOTHING},
	{"week", MASK_WEEK, TAKES_NOTHING},
	{"day", MASK_DAY, TAKES_NOTHING},
	{"round", MASK_ROUND, TAKES_STEP},
	{"range", MASK_RANGE, TAKES_STEP},
	{"noise", MASK_NOISE, TAKES_AMOUNT},
	{"zero", MASK_ZERO, TAKES_NOTHING},
	{"length", MASK_LENGTH, TAKES_NOTHING},
	{"json", MASK_JSON, TAKES_RULES},
	{"json_hide", MASK_JSON_HIDE, TAKES_PATHS},
	{"json_show", MASK_JSON_SHOW, TAKES_PATHS},
	{"function", MASK_FUNCTION, TAKES_NAME},
};

#define MASKS (sizeof(masks) / sizeof(masks[0]))

/* What a step may have, the point not counted: as many as decide about a rounding. */
#define STEP_DIGITS_MAX 20

const char *
mask_names(void)
{
	return "redact, constant(text), null; partial(prefix, suffix), email, card, phone, iban, name, "
		   "address, ip, ip(v4 bits, v6 bits), range(step), hash, pseudonym, pseudonym_card, "
		   "fake_first_name, fake_last_name, fake_name, fake_city, fake_company for text; decade, "
		   "year, quarter, month, week, day, noise(days) for dates; round(step), range(step), "
		   "noise(amount), noise(percent%), pseudonym, zero for numbers; hash, length for bytes; "
		   "json, json(path: mask, ...), json_hide(path, ...), json_show(path, ...) for JSON; "
		   "function(schema.name) for plain columns";
}

bool
mask_is_for_text(MaskKind kind)
{
	switch (kind)
	{
		case MASK_REDACT:
		case MASK_PARTIAL:
		case MASK_EMAIL:
		case MASK_CARD:
		case MASK_PHONE:
		case MASK_HASH:
		case MASK_IBAN:
		case MASK_NAME:
		case MASK_ADDRESS:
		case MASK_IP:
		case MASK_RANGE:
		case MASK_CONSTANT:
		case MASK_PSEUDONYM:
		case MASK_PSEUDONYM_CARD:
		case MASK_FAKE_FIRST_NAME:
		case MASK_FAKE_LAST_NAME:
		case MASK_FAKE_NAME:
		case MASK_FAKE_CITY:
		case MASK_FAKE_COMPANY:
			return true;
		default:
			return false;
	}
}

int
mask_clamp_keep(int keep)
{
	return keep < 0 ? 0 : keep > MASK_KEEP_MAX ? MASK_KEEP_MAX : keep;
}

int
mask_clamp_bits(int bits, int most)
{
	return bits < 0 ? 0 : bits > most ? most : bits;
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

/* A number up to `most` and `closing` after it; returns where it ended, or NULL. */
static const char *
parse_count(const char *text, int most, char closing, int *number)
{
	int value = 0;

	text = skip_spaces(text);
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++)
	{
		value = value * 10 + (*text - '0');
		if (value > most)
			return NULL;
	}
	text = skip_spaces(text);
	if (*text != closing)
		return NULL;
	*number = value;
	return text + 1;
}

/* A decimal number greater than 0, perhaps "%", and ")"; as above. */
static const char *
parse_step(const char *text, bool may_be_percent, char *out)
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
	if (!positive || out[-1] == '.')
		return NULL;
	text = skip_spaces(text);
	if (may_be_percent && *text == '%')
	{
		*out++ = '%';
		text = skip_spaces(text + 1);
	}
	*out = '\0';
	return *text == ')' ? text + 1 : NULL;
}

/* What the masks count with. */
static void
read_step(MaskSpec *spec)
{
	double value = 0, unit = 1;
	int significant = 0;
	bool point = false;

	for (const char *at = spec->argument; *at != '\0'; at++)
	{
		if (*at == '.')
			point = true;
		else if (*at == '%')
			spec->percent = true;
		else
		{
			value = value * 10 + (*at - '0');
			significant += significant > 0 || *at != '0';
			if (significant <= MASK_STEP_DIGITS)
				spec->step = spec->step * 10 + (*at - '0');
			if (point)
			{
				spec->scale++;
				unit *= 10;
			}
		}
	}
	spec->amount = value / unit;
	if (significant > MASK_STEP_DIGITS || spec->scale > MASK_STEP_DIGITS)
		spec->step = 0;
}

/* Anything but controls up to the last ")", without spaces at its ends; as above. */
static const char *
parse_text(const char *text, char *out)
{
	const char *end = strrchr(text, ')');
	size_t len;

	if (end == NULL)
		return NULL;
	text = skip_spaces(text);
	len = (size_t) (end - text);
	while (len > 0 && is_space(text[len - 1]))
		len--;
	if (len >= MASK_ARGUMENT_MAX)
		return NULL;
	for (size_t i = 0; i < len; i++)
	{
		if ((unsigned char) text[i] < ' ' || text[i] == 0x7F)
			return NULL;
	}
	memcpy(out, text, len);
	out[len] = '\0';
	return end + 1;
}

/* Two names, which need no quotation marks, with a point between; as above. */
static const char *
parse_name(const char *text, char *out)
{
	int points = 0;
	size_t len = 0;

	text = skip_spaces(text);
	for (; is_name_character(*text) || (*text >= '0' && *text <= '9') || *text == '.' ||
		   (unsigned char) *text >= 0x80;
		 text++)
	{
		points += *text == '.';
		if (len == MASK_ARGUMENT_MAX - 1 || (*text == '.' && (len == 0 || points > 1)))
			return NULL;
		out[len++] = *text;
	}
	if (points != 1 || out[len - 1] == '.')
		return NULL;
	out[len] = '\0';
	text = skip_spaces(text);
	return *text == ')' ? text + 1 : NULL;
}

/*
 * Keys parted by points, up to what ends a path: one of `ends`. No key may be
 * empty, so "a..b" is a mistake and no path that hides nothing. Returns where it
 * stands, or NULL; *out moves on.
 */
static const char *
parse_path(const char *text, const char *ends, char **out, const char *end)
{
	for (;;)
	{
		const char *key = text = skip_spaces(text);
		size_t len;

		while (*text != '\0' && *text != '.' && !strchr(ends, *text) && !strchr(",()\"", *text))
		{
			if ((unsigned char) *text < ' ' || *text == 0x7F)
				return NULL;
			text++;
		}
		len = (size_t) (text - key);
		while (len > 0 && is_space(key[len - 1]))
			len--;
		if (len == 0 || len >= (size_t) (end - *out))
			return NULL;
		memcpy(*out, key, len);
		*out += len;
		if (*text != '.')
			return *text != '\0' && strchr(ends, *text) ? text : NULL;
		*(*out)++ = *text++;
	}
}

/* Paths parted by commas, and ")"; as above. */
static const char *
parse_paths(const char *text, char *out)
{
	const char *end = out + MASK_ARGUMENT_MAX - 1;

	while ((text = parse_path(text, ",)", &out, end)) != NULL && *text == ',')
	{
		if (out == end)
			return NULL;
		*out++ = *text++;
	}
	*out = '\0';
	return text != NULL ? text + 1 : NULL;
}

static bool
is_for_numbers(MaskKind kind)
{
	return kind == MASK_ROUND || kind == MASK_RANGE || kind == MASK_ZERO || kind == MASK_NOISE ||
		   kind == MASK_PSEUDONYM;
}

/* One of the masks for single values, or "show", in its one spelling; parentheses within are pairs.
 */
static const char *
parse_inner(const char *text, char **out, const char *end)
{
	char mask[MASK_SPEC_MAX];
	MaskSpec spec;
	const char *problem;
	const char *start = text = skip_spaces(text);
	size_t len;
	int depth = 0;

	for (; *text != '\0' && (depth > 0 || (*text != ',' && *text != ')')); text++)
		depth += (*text == '(') - (*text == ')');
	len = (size_t) (text - start);
	while (len > 0 && is_space(start[len - 1]))
		len--;
	if (len >= MASK_ARGUMENT_MAX)
		return NULL;
	memcpy(mask, start, len);
	mask[len] = '\0';
	if (!same_name(start, len, MASK_JSON_SHOWN))
	{
		if (!mask_parse(mask, &spec, &problem) ||
			(!mask_is_for_text(spec.kind) && !is_for_numbers(spec.kind) && spec.kind != MASK_NULL))
			return NULL;
		mask_format(&spec, mask);
	}
	else
		memcpy(mask, MASK_JSON_SHOWN, sizeof(MASK_JSON_SHOWN));
	len = strlen(mask);
	if (len >= (size_t) (end - *out))
		return NULL;
	memcpy(*out, mask, len);
	*out += len;
	return text;
}

/* Paths with masks, parted by commas, and ")"; as above. */
static const char *
parse_rules(const char *text, char *out)
{
	const char *end = out + MASK_ARGUMENT_MAX - 1;

	for (;;)
	{
		text = parse_path(text, ":", &out, end);
		if (text == NULL || end - out < 2)
			return NULL;
		*out++ = ':';
		*out++ = ' ';
		text = parse_inner(text + 1, &out, end);
		if (text == NULL || *text == '\0' || end - out < 2)
			return NULL;
		if (*text == ')')
			break;
		*out++ = ',';
		*out++ = ' ';
		text++;
	}
	*out = '\0';
	return text + 1;
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
		(*text != '(' || !(text = parse_count(text + 1, MASK_KEEP_MAX, ',', &parsed.prefix)) ||
		 !(text = parse_count(text, MASK_KEEP_MAX, ')', &parsed.suffix))))
	{
		*problem = "partial needs (prefix, suffix), two numbers from 0 to 64";
		return false;
	}
	if (masks[found].takes == TAKES_STEP &&
		(*text != '(' || !(text = parse_step(text + 1, false, parsed.argument))))
	{
		*problem = parsed.kind == MASK_ROUND
					   ? "round needs (step), a positive number of at most 20 digits such as 1000 "
						 "or 0.5"
					   : "range needs (step), a positive number of at most 20 digits such as 10 or "
						 "0.5";
		return false;
	}
	if (masks[found].takes == TAKES_AMOUNT &&
		(*text != '(' || !(text = parse_step(text + 1, true, parsed.argument))))
	{
		*problem = "noise needs a positive number of at most 20 digits, such as (5), or (10%)";
		return false;
	}
	if (masks[found].takes == TAKES_BITS)
	{
		parsed.prefix = MASK_IP_V4;
		parsed.suffix = MASK_IP_V6;
		if (*text == '(' && (!(text = parse_count(text + 1, MASK_IP_V4_MAX, ',', &parsed.prefix)) ||
							 !(text = parse_count(text, MASK_IP_V6_MAX, ')', &parsed.suffix))))
		{
			*problem = "ip takes (v4 bits, v6 bits), at most 24 and 64";
			return false;
		}
	}
	if (masks[found].takes == TAKES_TEXT &&
		(*text != '(' || !(text = parse_text(text + 1, parsed.argument))))
	{
		*problem = "constant needs (text), of less than 512 bytes and without control characters";
		return false;
	}
	if (masks[found].takes == TAKES_PATHS &&
		(*text != '(' || !(text = parse_paths(text + 1, parsed.argument))))
	{
		*problem = "json_hide and json_show need paths of keys, such as (name, address.city)";
		return false;
	}

	if (masks[found].takes == TAKES_NAME &&
		(*text != '(' || !(text = parse_name(text + 1, parsed.argument))))
	{
		*problem = "function needs the name of a function with its schema, such as (public.blur)";
		return false;
	}
	if (masks[found].takes == TAKES_RULES && *text == '(' &&
		!(text = parse_rules(text + 1, parsed.argument)))
	{
		*problem =
			"json needs paths of keys with masks, such as (name: redact, address.city: show)";
		return false;
	}
	if (masks[found].takes == TAKES_STEP || masks[found].takes == TAKES_AMOUNT)
		read_step(&parsed);

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
		case TAKES_BITS:
			if (spec->prefix == MASK_IP_V4 && spec->suffix == MASK_IP_V6)
				snprintf(out, MASK_SPEC_MAX, "%s", masks[i].name);
			else
				snprintf(out, MASK_SPEC_MAX, "%s(%d,%d)", masks[i].name,
						 mask_clamp_bits(spec->prefix, MASK_IP_V4_MAX),
						 mask_clamp_bits(spec->suffix, MASK_IP_V6_MAX));
			break;
		case TAKES_RULES:
			if (spec->argument[0] == '\0')
			{
				snprintf(out, MASK_SPEC_MAX, "%s", masks[i].name);
				break;
			}
			/* FALLTHROUGH */
		case TAKES_STEP:
		case TAKES_AMOUNT:
		case TAKES_PATHS:
		case TAKES_TEXT:
		case TAKES_NAME:
			snprintf(out, MASK_SPEC_MAX, "%s(%s)", masks[i].name, spec->argument);
			break;
	}
}
