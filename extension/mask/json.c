/*
 * json.c - masks within a JSON document
 */
#include "mask/json.h"

#include <stdlib.h>

#include "mask/text.h"

typedef enum Action
{
	ACTION_HIDE, /* as "json" does */
	ACTION_SHOW,
	ACTION_MASK,
} Action;

/* What lies at a path, or below it. */
typedef struct Rule
{
	const char *keys; /* "a.b", within the rules' own text */
	size_t levels;    /* how many they are */
	Action action;
	MaskSpec spec;
} Rule;

struct MaskRules
{
	Action otherwise;
	size_t levels; /* of the longest path */
	unsigned count;
	char text[MASK_ARGUMENT_MAX];
	Rule rules[]; /* those of mask_parse are correct */
};

/* ------------------------------------------------------------------- rules */

static size_t
count_levels(const char *keys)
{
	size_t levels = 1;

	for (; *keys != '\0'; keys++)
		levels += *keys == '.';
	return levels;
}

/* The rule's path and mask, each with its end; `at` is behind it. */
static char *
read_rule(Rule *rule, char *at, Action action, bool *read)
{
	char *end = at + strcspn(at, action == ACTION_MASK ? ":" : ",");
	unsigned depth = 0;
	const char *problem;

	rule->keys = at;
	rule->action = action;
	*read = true;
	if (action == ACTION_MASK && *end == ':')
	{
		char *mask = end + 2; /* mask_parse has put a space behind it */

		*end = '\0';
		for (end = mask; *end != '\0' && (*end != ',' || depth > 0); end++)
		{
			depth += *end == '(';
			depth -= *end == ')' && depth > 0;
		}
		at = *end == '\0' ? end : end + 2;
		*end = '\0';
		if (strcmp(mask, MASK_JSON_SHOWN) == 0)
			rule->action = ACTION_SHOW;
		else
			*read = mask_parse(mask, &rule->spec, &problem);
	}
	else
	{
		at = *end == '\0' ? end : end + 1;
		*end = '\0';
	}
	rule->levels = count_levels(rule->keys);
	return at;
}

MaskRules *
mask_rules_create(const MaskSpec *spec)
{
	unsigned most = 1;
	bool read = true;
	MaskRules *rules;
	char *at;

	if (spec->kind != MASK_JSON && spec->kind != MASK_JSON_HIDE && spec->kind != MASK_JSON_SHOW)
		return NULL;
	for (const char *comma = spec->argument; *comma != '\0'; comma++)
		most += *comma == ',';
	if ((rules = calloc(1, sizeof(MaskRules) + most * sizeof(Rule))) == NULL)
		return NULL;
	rules->otherwise = spec->kind == MASK_JSON_HIDE ? ACTION_SHOW : ACTION_HIDE;
	memcpy(rules->text, spec->argument, sizeof(rules->text));
	for (at = rules->text; *at != '\0' && read; rules->count++)
	{
		Rule *rule = &rules->rules[rules->count];

		at = read_rule(rule, at,
					   spec->kind == MASK_JSON        ? ACTION_MASK
					   : spec->kind == MASK_JSON_HIDE ? ACTION_HIDE
													  : ACTION_SHOW,
					   &read);
		if (rule->levels > rules->levels)
			rules->levels = rule->levels;
	}
	if (!read)
	{
		/* Not one of mask_parse: it hides all. */
		rules->otherwise = ACTION_HIDE;
		rules->levels = rules->count = 0;
	}
	return rules;
}

void
mask_rules_free(MaskRules *rules)
{
	free(rules);
}

/* ----------------------------------------------------------------- strings */

static int
hex_digit(uint8_t byte)
{
	if (is_digit(byte))
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Four hexadecimal digits; -1 where there are none. */
static int32_t
read_hex(const uint8_t *at, const uint8_t *end)
{
	int32_t code = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		if (hex_digit(at[i]) < 0)
			return -1;
		code = code << 4 | hex_digit(at[i]);
	}
	return code;
}

static size_t
put_utf8(uint32_t code, uint8_t out[4])
{
	if (code < 0x80)
	{
		out[0] = (uint8_t) code;
		return 1;
	}
	if (code < 0x800)
	{
		out[0] = (uint8_t) (0xC0 | code >> 6);
		out[1] = (uint8_t) (0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000)
	{
		out[0] = (uint8_t) (0xE0 | code >> 12);
		out[1] = (uint8_t) (0x80 | (code >> 6 & 0x3F));
		out[2] = (uint8_t) (0x80 | (code & 0x3F));
		return 3;
	}
	out[0] = (uint8_t) (0xF0 | code >> 18);
	out[1] = (uint8_t) (0x80 | (code >> 12 & 0x3F));
	out[2] = (uint8_t) (0x80 | (code >> 6 & 0x3F));
	out[3] = (uint8_t) (0x80 | (code & 0x3F));
	return 4;
}

/*
 * What the next characters of a string stand for (RFC 8259, 7): up to four
 * bytes, which are never more than those that were read. Half of a surrogate
 * pair is U+FFFD.
 */
static size_t
next_bytes(const uint8_t **at, const uint8_t *end, uint8_t out[4])
{
	static const char escapes[] = "b\bf\fn\nr\rt\t";
	int32_t code, low;

	out[0] = *(*at)++;
	if (out[0] != '\\' || *at == end)
		return 1;
	out[0] = *(*at)++;
	for (size_t i = 0; i < sizeof(escapes) - 1; i += 2)
	{
		if (out[0] == (uint8_t) escapes[i])
		{
			out[0] = (uint8_t) escapes[i + 1];
			return 1;
		}
	}
	if (out[0] != 'u' || (code = read_hex(*at, end)) < 0)
		return 1;
	*at += 4;
	if (code < 0xD800 || code > 0xDFFF)
		return put_utf8((uint32_t) code, out);
	if (code <= 0xDBFF && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
		(low = read_hex(*at + 2, end)) >= 0xDC00 && low <= 0xDFFF)
	{
		*at += 6;
		return put_utf8(0x10000 + ((uint32_t) (code - 0xD800) << 10) + (uint32_t) (low - 0xDC00),
						out);
	}
	return put_utf8(0xFFFD, out);
}

/* Whether the inside of a string stands for the key, which ends with a point or the text. */
static bool
is_key(Bytes string, const char *key)
{
	const uint8_t *at = string.data;
	const uint8_t *end = string.data + string.len;
	size_t len = strcspn(key, ".");
	uint8_t bytes[4];

	while (at < end)
	{
		size_t size = next_bytes(&at, end, bytes);

		if (size > len || memcmp(bytes, key, size) != 0)
			return false;
		key += size;
		len -= size;
	}
	return len == 0;
}

/* ---------------------------------------------------------------- documents */

/* Deeper than any path: each key has a byte, and a point. */
#define LEVELS_MAX (MASK_ARGUMENT_MAX / 2)

typedef struct Walk
{
	const MaskRules *rules;
	const MaskJsonCaller *caller;
	const uint8_t *at;
	const uint8_t *end;
	uint8_t *room;

	/* Objects around what is looked at; of those that a path can name, the key and its rule, if
	 * any. */
	size_t depth;
	Bytes keys[LEVELS_MAX + 1];
	const Rule *chosen[LEVELS_MAX + 1];
} Walk;

static void
put(Walk *walk, const char *text)
{
	walk->caller->write(walk->caller->context, text, strlen(text));
}

static bool
leads_here(const Rule *rule, const Walk *walk)
{
	const char *key = rule->keys;

	if (rule->levels != walk->depth)
		return false;
	for (size_t level = 1; level <= walk->depth; level++)
	{
		if (!is_key(walk->keys[level], key))
			return false;
		key += strcspn(key, ".") + 1;
	}
	return true;
}

/* The longest path counts; of two that are the same, the first. */
static void
choose(Walk *walk, Bytes key)
{
	if (walk->depth == 0 || walk->depth > walk->rules->levels)
		return;
	walk->keys[walk->depth] = key;
	walk->chosen[walk->depth] = walk->chosen[walk->depth - 1];
	for (unsigned i = 0; i < walk->rules->count; i++)
	{
		if (leads_here(&walk->rules->rules[i], walk))
		{
			walk->chosen[walk->depth] = &walk->rules->rules[i];
			return;
		}
	}
}

static Action
action_here(const Walk *walk, const MaskSpec **spec)
{
	const Rule *rule =
		walk->chosen[walk->depth < walk->rules->levels ? walk->depth : walk->rules->levels];

	*spec = rule != NULL ? &rule->spec : NULL;
	return rule != NULL ? rule->action : walk->rules->otherwise;
}

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool
is_punctuation(uint8_t byte)
{
	return byte == '{' || byte == '}' || byte == '[' || byte == ']' || byte == ':' || byte == ',' ||
		   byte == '"';
}

static void
skip_blanks(Walk *walk)
{
	while (walk->at < walk->end && is_blank(*walk->at))
		walk->at++;
}

static void
put_escaped(Walk *walk, const char *text, size_t size)
{
	char escape[] = "\\u0000";
	size_t start = 0;

	put(walk, "\"");
	for (size_t i = 0; i < size; i++)
	{
		uint8_t byte = (uint8_t) text[i];

		if (byte >= ' ' && byte != '"' && byte != '\\')
			continue;
		walk->caller->write(walk->caller->context, text + start, i - start);
		escape[4] = "0123456789abcdef"[byte >> 4];
		escape[5] = "0123456789abcdef"[byte & 15];
		put(walk, escape);
		start = i + 1;
	}
	walk->caller->write(walk->caller->context, text + start, size - start);
	put(walk, "\"");
}

/* What is within the quotation marks. */
static void
mask_string(Walk *walk, Bytes string)
{
	const uint8_t *at = string.data;
	size_t size = 0;
	char out[MASK_BOUND_MAX];
	const MaskSpec *spec;

	if (action_here(walk, &spec) == ACTION_HIDE || !mask_is_for_text(spec->kind))
	{
		put(walk, spec != NULL && spec->kind == MASK_NULL ? "null" : "\"" MASK_HIDDEN "\"");
		return;
	}
	while (at < string.data + string.len)
	{
		uint8_t bytes[4];
		size_t more = next_bytes(&at, string.data + string.len, bytes);

		memcpy(walk->room + size, bytes, more);
		size += more;
	}
	size = walk->caller->mask_text(walk->caller->context, spec, bytes_view(walk->room, size), out);
	put_escaped(walk, out, size);
}

/* A number, or one of the words. */
static void
mask_literal(Walk *walk, Bytes literal)
{
	char out[MASK_BOUND_MAX];
	const MaskSpec *spec;
	size_t size = 0;
	bool number = literal.data[0] == '-' || is_digit(literal.data[0]);

	if (!number || (action_here(walk, &spec) == ACTION_MASK && spec->kind == MASK_NULL))
	{
		put(walk, "null");
		return;
	}
	if (action_here(walk, &spec) == ACTION_MASK)
		size = walk->caller->mask_number(walk->caller->context, spec, literal, out);
	if (size > 0)
		walk->caller->write(walk->caller->context, out, size);
	else
		put(walk, "0");
}

static void
walk_string(Walk *walk)
{
	const uint8_t *start = walk->at;
	const MaskSpec *spec;
	Bytes inside;
	Bytes whole;

	for (walk->at++; walk->at < walk->end && *walk->at != '"'; walk->at++)
	{
		if (*walk->at == '\\' && walk->at + 1 < walk->end)
			walk->at++;
	}
	inside = bytes_view(start + 1, (size_t) (walk->at - start) - 1);
	walk->at += walk->at < walk->end;
	whole = bytes_view(start, (size_t) (walk->at - start));
	skip_blanks(walk);
	if (walk->at < walk->end && *walk->at == ':')
	{
		choose(walk, inside);
		walk->caller->write(walk->caller->context, whole.data, whole.len);
	}
	else if (action_here(walk, &spec) == ACTION_SHOW)
		walk->caller->write(walk->caller->context, whole.data, whole.len);
	else
		mask_string(walk, inside);
}

static void
walk_literal(Walk *walk)
{
	const uint8_t *start = walk->at;
	const MaskSpec *spec;
	Bytes literal;

	while (walk->at < walk->end && !is_blank(*walk->at) && !is_punctuation(*walk->at))
		walk->at++;
	literal = bytes_view(start, (size_t) (walk->at - start));
	if (action_here(walk, &spec) == ACTION_SHOW)
		walk->caller->write(walk->caller->context, literal.data, literal.len);
	else
		mask_literal(walk, literal);
}

void
mask_json(const MaskRules *rules, const MaskJsonCaller *caller, Bytes document, uint8_t *room)
{
	Walk walk = {.rules = rules,
				 .caller = caller,
				 .at = document.data,
				 .end = document.data + document.len,
				 .room = room};

	/* Written as the server writes jsonb, whatever blanks there are. */
	for (skip_blanks(&walk); walk.at < walk.end; skip_blanks(&walk))
	{
		switch (*walk.at)
		{
			case '"':
				walk_string(&walk);
				continue;
			case '{':
				walk.depth++;
				choose(&walk, bytes_of_string("")); /* no path names it: until there is a key */
				put(&walk, "{");
				break;
			case '}':
				walk.depth -= walk.depth > 0;
				put(&walk, "}");
				break;
			case '[':
				put(&walk, "[");
				break;
			case ']':
				put(&walk, "]");
				break;
			case ':':
				put(&walk, ": ");
				break;
			case ',':
				put(&walk, ", ");
				break;
			default:
				walk_literal(&walk);
				continue;
		}
		walk.at++;
	}
}
