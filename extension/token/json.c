/*
 * json.c
 *		Reads JSON (RFC 8259) from bytes that may be hostile.
 *
 * Recursive, no deeper than JSON_DEPTH_MAX. Time is linear in the text but for
 * the comparison of names, which JSON_MEMBERS_MAX bounds.
 */
#include "token/json.h"

typedef struct Reader
{
	const uint8_t *at;
	const uint8_t *end;
	JsonValue *values;
	size_t nvalues;
	size_t room;
	uint8_t *strings; /* behind the last unescaped string */
} Reader;

static JsonStatus read_value(Reader *reader, Bytes name, int depth);

static bool
same_bytes(Bytes a, Bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool
take(Reader *reader, char c)
{
	if (reader->at == reader->end || *reader->at != (uint8_t) c)
		return false;
	reader->at++;
	return true;
}

static void
skip_space(Reader *reader)
{
	while (take(reader, ' ') || take(reader, '\t') || take(reader, '\n') || take(reader, '\r'))
		;
}

/* ---------------------------------------------------------------- strings */

/*
 * The length of the well-formed character that begins here, 0 if none does:
 * RFC 3629, section 4, so neither overlong forms nor surrogates.
 */
static size_t
character_size(const uint8_t *at, const uint8_t *end)
{
	uint8_t lead = at[0];
	uint8_t low = 0x80, high = 0xbf; /* of the second byte */
	size_t size;

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if ((size_t) (end - at) < size)
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
	{
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return size;
}

static uint8_t *
put_character(uint32_t code, uint8_t *to)
{
	if (code < 0x80)
		*to++ = (uint8_t) code;
	else
	{
		if (code < 0x800)
			*to++ = (uint8_t) (0xc0 | code >> 6);
		else
		{
			if (code < 0x10000)
				*to++ = (uint8_t) (0xe0 | code >> 12);
			else
			{
				*to++ = (uint8_t) (0xf0 | code >> 18);
				*to++ = (uint8_t) (0x80 | (code >> 12 & 0x3f));
			}
			*to++ = (uint8_t) (0x80 | (code >> 6 & 0x3f));
		}
		*to++ = (uint8_t) (0x80 | (code & 0x3f));
	}
	return to;
}

/* The four digits behind \u. */
static bool
read_hex(Reader *reader, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < 4; i++)
	{
		uint8_t c = reader->at < reader->end ? *reader->at++ : 0;

		if (c >= '0' && c <= '9')
			*code = *code << 4 | (uint32_t) (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*code = *code << 4 | (uint32_t) ((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* \uD834\uDD1E is one character; half of a pair is none. */
static JsonStatus
read_unicode_escape(Reader *reader, uint32_t *code)
{
	uint32_t low;

	if (!read_hex(reader, code))
		return JSON_MALFORMED;
	if (*code == 0 || (*code >= 0xdc00 && *code <= 0xdfff))
		return JSON_NOT_TEXT;
	if (*code < 0xd800 || *code > 0xdbff)
		return JSON_OK;
	if (!take(reader, '\\') || !take(reader, 'u'))
		return JSON_NOT_TEXT;
	if (!read_hex(reader, &low))
		return JSON_MALFORMED;
	if (low < 0xdc00 || low > 0xdfff)
		return JSON_NOT_TEXT;
	*code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
	return JSON_OK;
}

/* What stands behind a backslash. */
static JsonStatus
read_escape(Reader *reader, uint32_t *code)
{
	static const char escapes[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *found;
	uint8_t c = reader->at < reader->end ? *reader->at++ : 0;

	if (c == 'u')
		return read_unicode_escape(reader, code);
	if (c == 0 || (found = strchr(escapes, c)) == NULL)
		return JSON_MALFORMED;
	*code = (uint32_t) meanings[found - escapes];
	return JSON_OK;
}

/*
 * The string behind a quote. It is a view of the source unless something in it
 * is escaped; unescaped it is never longer, so all of them fit in `strings`.
 */
static JsonStatus
read_string(Reader *reader, Bytes *out)
{
	const uint8_t *start = reader->at;
	uint8_t *to = NULL;

	while (reader->at < reader->end && *reader->at != '"')
	{
		size_t size;

		if (*reader->at < 0x20)
			return JSON_MALFORMED;
		if (*reader->at == '\\')
		{
			uint32_t code;
			JsonStatus status;

			if (to == NULL)
			{
				size = (size_t) (reader->at - start);
				memcpy(reader->strings, start, size);
				to = reader->strings + size;
			}
			reader->at++;
			if ((status = read_escape(reader, &code)) != JSON_OK)
				return status;
			to = put_character(code, to);
			continue;
		}
		if ((size = character_size(reader->at, reader->end)) == 0)
			return JSON_NOT_TEXT;
		if (to != NULL)
		{
			memcpy(to, reader->at, size);
			to += size;
		}
		reader->at += size;
	}
	if (to == NULL)
		*out = bytes_view(start, (size_t) (reader->at - start));
	else
	{
		*out = bytes_view(reader->strings, (size_t) (to - reader->strings));
		reader->strings = to;
	}
	return take(reader, '"') ? JSON_OK : JSON_MALFORMED;
}

/* ---------------------------------------------------------------- values */

static size_t
take_digits(Reader *reader)
{
	const uint8_t *start = reader->at;

	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
		reader->at++;
	return (size_t) (reader->at - start);
}

/* RFC 8259, section 6 */
static JsonStatus
read_number(Reader *reader)
{
	size_t digits;

	take(reader, '-');
	if (!take(reader, '0') && take_digits(reader) == 0)
		return JSON_MALFORMED;
	if (take(reader, '.') && take_digits(reader) == 0)
		return JSON_MALFORMED;
	if (take(reader, 'e') || take(reader, 'E'))
	{
		if (!take(reader, '+'))
			take(reader, '-');
		if ((digits = take_digits(reader)) == 0)
			return JSON_MALFORMED;
		if (digits > JSON_EXPONENT_DIGITS_MAX)
			return JSON_OUT_OF_RANGE;
	}
	return JSON_OK;
}

static JsonStatus
read_word(Reader *reader, const char *word)
{
	for (; *word != '\0'; word++)
	{
		if (!take(reader, *word))
			return JSON_MALFORMED;
	}
	return JSON_OK;
}

/* The name of a member and the colon; a name that this object already has is refused. */
static JsonStatus
read_name(Reader *reader, const JsonValue *object, Bytes *name)
{
	const JsonValue *member = json_first(object);
	JsonStatus status;

	skip_space(reader);
	if (!take(reader, '"'))
		return JSON_MALFORMED;
	if ((status = read_string(reader, name)) != JSON_OK)
		return status;
	for (uint32_t i = 0; i < object->count; i++, member = json_next(member))
	{
		if (same_bytes(member->name, *name))
			return JSON_DUPLICATE;
	}
	skip_space(reader);
	return take(reader, ':') ? JSON_OK : JSON_MALFORMED;
}

/* What stands behind an opening bracket, and the closing one. */
static JsonStatus
read_container(Reader *reader, JsonValue *container, int depth)
{
	bool is_object = container->kind == JSON_OBJECT;
	char close = is_object ? '}' : ']';
	JsonStatus status;

	if (depth == JSON_DEPTH_MAX)
		return JSON_TOO_DEEP;
	skip_space(reader);
	if (take(reader, close))
		return JSON_OK;
	do
	{
		Bytes name = {0};

		if (is_object && container->count == JSON_MEMBERS_MAX)
			return JSON_TOO_MANY;
		if (is_object && (status = read_name(reader, container, &name)) != JSON_OK)
			return status;
		if ((status = read_value(reader, name, depth + 1)) != JSON_OK)
			return status;
		container->count++;
		skip_space(reader);
	} while (take(reader, ','));
	return take(reader, close) ? JSON_OK : JSON_MALFORMED;
}

static JsonStatus
read_value(Reader *reader, Bytes name, int depth)
{
	size_t index = reader->nvalues;
	const uint8_t *start;
	JsonValue *value;
	JsonStatus status;

	skip_space(reader);
	if (reader->at == reader->end)
		return JSON_MALFORMED;
	if (index == reader->room || index == UINT32_MAX)
		return JSON_TOO_MANY;
	value = &reader->values[reader->nvalues++];
	*value = (JsonValue){.name = name};
	start = reader->at;
	switch (*start)
	{
		case '{':
		case '[':
			value->kind = *start == '{' ? JSON_OBJECT : JSON_ARRAY;
			reader->at++;
			status = read_container(reader, value, depth);
			break;
		case '"':
			value->kind = JSON_STRING;
			reader->at++;
			status = read_string(reader, &value->text);
			break;
		case 'n':
			value->kind = JSON_NULL;
			status = read_word(reader, "null");
			break;
		case 'f':
			value->kind = JSON_FALSE;
			status = read_word(reader, "false");
			break;
		case 't':
			value->kind = JSON_TRUE;
			status = read_word(reader, "true");
			break;
		default:
			value->kind = JSON_NUMBER;
			status = read_number(reader);
	}
	if (value->kind != JSON_STRING)
		value->text = bytes_view(start, (size_t) (reader->at - start));
	value->span = (uint32_t) (reader->nvalues - index);
	return status;
}

JsonStatus
json_read(Bytes text, JsonValue *values, size_t room, uint8_t *strings)
{
	Reader reader = {.at = text.data, .values = values, .room = room, .strings = strings};
	JsonStatus status;

	/* A null pointer plus nothing is undefined in C. */
	if (text.len == 0)
		return JSON_MALFORMED;
	reader.end = text.data + text.len;
	if ((status = read_value(&reader, bytes_view(NULL, 0), 0)) != JSON_OK)
		return status;
	skip_space(&reader);
	return reader.at == reader.end ? JSON_OK : JSON_MALFORMED;
}

const char *
json_status_text(JsonStatus status)
{
	switch (status)
	{
		case JSON_OK:
			return "JSON";
		case JSON_MALFORMED:
			return "not a JSON text";
		case JSON_NOT_TEXT:
			return "not UTF-8, or a character that is none";
		case JSON_DUPLICATE:
			return "a name twice in one object";
		case JSON_TOO_DEEP:
			return "nested too deeply";
		case JSON_TOO_MANY:
			return "too many values";
		case JSON_OUT_OF_RANGE:
			return "a number out of range";
	}
	return "unknown";
}

/* ---------------------------------------------------------------- use */

const JsonValue *
json_member(const JsonValue *object, const char *name)
{
	const JsonValue *member = json_first(object);

	if (object->kind != JSON_OBJECT)
		return NULL;
	for (uint32_t i = 0; i < object->count; i++, member = json_next(member))
	{
		if (same_bytes(member->name, bytes_of_string(name)))
			return member;
	}
	return NULL;
}

bool
json_is_string(const JsonValue *value, const char *text)
{
	return value != NULL && value->kind == JSON_STRING &&
		   same_bytes(value->text, bytes_of_string(text));
}

size_t
json_write_string(Bytes text, char *out)
{
	static const char digits[] = "0123456789abcdef";
	char *to = out;

	*to++ = '"';
	for (size_t i = 0; i < text.len; i++)
	{
		uint8_t c = text.data[i];

		if (c < 0x20)
		{
			memcpy(to, "\\u00", 4);
			to[4] = digits[c >> 4];
			to[5] = digits[c & 0xf];
			to += 6;
			continue;
		}
		if (c == '"' || c == '\\')
			*to++ = '\\';
		*to++ = (char) c;
	}
	*to++ = '"';
	return (size_t) (to - out);
}
