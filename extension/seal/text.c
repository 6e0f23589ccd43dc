/*
 * text.c
 *		The text of jsonb, as leaves of the tree have it.
 *
 * To the byte what JsonbToCString() gives, which takes three times as long: it makes
 * a value of each name and string before it writes it, a character after the other.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"

#include "seal/text.h"

/* What is deeper is left to the server, whose depth no stack bounds. */
#define DEPTH_MAX 32

/* So much of a string is written at once. */
#define CHUNK 4096

/* As escape_json() has it. */
static char *
put_escaped(char *to, char c)
{
	static const char hex[] = "0123456789abcdef";

	*to++ = '\\';
	switch (c)
	{
		case '\b':
			*to++ = 'b';
			break;
		case '\f':
			*to++ = 'f';
			break;
		case '\n':
			*to++ = 'n';
			break;
		case '\r':
			*to++ = 'r';
			break;
		case '\t':
			*to++ = 't';
			break;
		case '"':
		case '\\':
			*to++ = c;
			break;
		default:
			*to++ = 'u';
			*to++ = '0';
			*to++ = '0';
			*to++ = hex[(unsigned char) c >> 4];
			*to++ = hex[c & 15];
			break;
	}
	return to;
}

#define EACH(byte) (UINT64CONST(0x0101010101010101) * (byte))

/* Whether any of eight bytes may have to be escaped: below a space, a quote, or a backslash. */
static inline bool
needs_escape(uint64 bytes)
{
	uint64 quote = bytes ^ EACH('"');
	uint64 backslash = bytes ^ EACH('\\');

	return ((((bytes - EACH(' ')) & ~bytes) | ((quote - EACH(1)) & ~quote) |
			 ((backslash - EACH(1)) & ~backslash)) &
			EACH(0x80)) != 0;
}

static void
put_chunk(StringInfo out, const char *from, int size)
{
	const char *end = from + size;
	char *to;

	enlargeStringInfo(out, 6 * size + 2);
	to = out->data + out->len;
	while (from < end)
	{
		uint64 bytes;

		if (end - from >= (int) sizeof(bytes))
		{
			memcpy(&bytes, from, sizeof(bytes));
			if (likely(!needs_escape(bytes)))
			{
				memcpy(to, &bytes, sizeof(bytes));
				from += sizeof(bytes);
				to += sizeof(bytes);
				continue;
			}
		}
		for (const char *next = Min(from + sizeof(bytes), end); from < next; from++)
		{
			if (unlikely((unsigned char) *from < ' ' || *from == '"' || *from == '\\'))
				to = put_escaped(to, *from);
			else
				*to++ = *from;
		}
	}
	out->len = (int) (to - out->data);
}

static void
put_string(StringInfo out, const char *from, int size)
{
	appendStringInfoCharMacro(out, '"');
	for (; size > CHUNK; from += CHUNK, size -= CHUNK)
		put_chunk(out, from, CHUNK);
	put_chunk(out, from, size);
	appendStringInfoCharMacro(out, '"');
}

static void put_container(StringInfo out, JsonbContainer *container, int size, int depth);

/* `base` and `offset`: where it is. */
static void
put_value(StringInfo out, JEntry entry, char *base, uint32 offset, uint32 end, int depth)
{
	if (JBE_ISSTRING(entry))
		put_string(out, base + offset, (int) (end - offset));
	else if (JBE_ISNUMERIC(entry))
		appendStringInfoString(out, DatumGetCString(DirectFunctionCall1(
										numeric_out, PointerGetDatum(base + INTALIGN(offset)))));
	else if (JBE_ISBOOL_TRUE(entry))
		appendBinaryStringInfo(out, "true", 4);
	else if (JBE_ISBOOL_FALSE(entry))
		appendBinaryStringInfo(out, "false", 5);
	else if (JBE_ISNULL(entry))
		appendBinaryStringInfo(out, "null", 4);
	else
		put_container(out, (JsonbContainer *) (base + INTALIGN(offset)),
					  (int) (end - INTALIGN(offset)), depth + 1);
}

static void
put_array(StringInfo out, JsonbContainer *array, int depth)
{
	uint32 count = JsonContainerSize(array);
	char *base = (char *) (array->children + count);
	uint32 offset = 0;
	bool scalar = JsonContainerIsScalar(array);

	if (!scalar)
		appendStringInfoCharMacro(out, '[');
	for (uint32 i = 0; i < count; i++)
	{
		uint32 end = offset;

		JBE_ADVANCE_OFFSET(end, array->children[i]);
		if (i > 0)
			appendBinaryStringInfo(out, ", ", 2);
		put_value(out, array->children[i], base, offset, end, depth);
		offset = end;
	}
	if (!scalar)
		appendStringInfoCharMacro(out, ']');
}

/* All names come first, then all values. */
static void
put_object(StringInfo out, JsonbContainer *object, int depth)
{
	uint32 count = JsonContainerSize(object);
	char *base = (char *) (object->children + 2 * count);
	uint32 name = 0;
	uint32 value = count == 0 ? 0 : getJsonbOffset(object, (int) count);

	appendStringInfoCharMacro(out, '{');
	for (uint32 i = 0; i < count; i++)
	{
		uint32 name_end = name;
		uint32 value_end = value;

		JBE_ADVANCE_OFFSET(name_end, object->children[i]);
		JBE_ADVANCE_OFFSET(value_end, object->children[i + count]);
		if (i > 0)
			appendBinaryStringInfo(out, ", ", 2);
		put_string(out, base + name, (int) (name_end - name));
		appendBinaryStringInfo(out, ": ", 2);
		put_value(out, object->children[i + count], base, value, value_end, depth);
		name = name_end;
		value = value_end;
	}
	appendStringInfoCharMacro(out, '}');
}

static void
put_container(StringInfo out, JsonbContainer *container, int size, int depth)
{
	if (depth == DEPTH_MAX)
		(void) JsonbToCString(out, container, size);
	else if (JsonContainerIsObject(container))
		put_object(out, container, depth);
	else
		put_array(out, container, depth);
}

void
TextOfJsonb(StringInfo out, Jsonb *document)
{
	put_container(out, &document->root, (int) VARSIZE(document), 0);
	out->data[out->len] = '\0';
}
