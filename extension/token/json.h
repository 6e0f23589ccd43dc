/*
 * json.h
 *		Reads JSON (RFC 8259) from bytes that may be hostile.
 *
 * Strict where two readers could take the same bytes for two things, since one
 * of them may be who signed and the other who believes. A name twice in an
 * object is refused, whichever way it is escaped: RFC 7515, section 4, and RFC
 * 7519, section 4, leave that choice. So is what is not well-formed UTF-8, and
 * U+0000 and numbers of a huge exponent, for which the server has no text and no
 * number.
 *
 * Nothing is allocated: the caller gives the room, and with it the bounds.
 */
#ifndef TAROT_TOKEN_JSON_H
#define TAROT_TOKEN_JSON_H

#include "base/bytes.h"

/* Objects and arrays within each other; claims are seldom deeper than 4. */
#define JSON_DEPTH_MAX 16

/* Of one object: each name is compared with all before it. */
#define JSON_MEMBERS_MAX 256

/* Digits of an exponent: 10^999 is beyond what a double holds, and the server's numeric holds it.
 */
#define JSON_EXPONENT_DIGITS_MAX 3

typedef enum JsonStatus
{
	JSON_OK = 0,
	JSON_MALFORMED,    /* not the grammar of RFC 8259 */
	JSON_NOT_TEXT,     /* not UTF-8, half of a surrogate pair, or U+0000 */
	JSON_DUPLICATE,    /* a name twice in one object */
	JSON_TOO_DEEP,     /* JSON_DEPTH_MAX */
	JSON_TOO_MANY,     /* JSON_MEMBERS_MAX, or no more room for values */
	JSON_OUT_OF_RANGE, /* JSON_EXPONENT_DIGITS_MAX */
} JsonStatus;

typedef enum JsonKind
{
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
} JsonKind;

/*
 * A value; those within it lie behind it in the same array, in the order of the
 * source. A string's text is unescaped; any other value's is as it stands in
 * the source.
 */
typedef struct JsonValue
{
	JsonKind kind;
	uint32_t count; /* of members or elements */
	uint32_t span;  /* of values: this one, and all within */
	Bytes name;     /* of a member, unescaped */
	Bytes text;
} JsonValue;

/*
 * Reads one value and all within it; the first of `values` is the outermost.
 * `strings` takes unescaped strings and has text.len bytes. Values point into
 * both it and the text.
 */
extern JsonStatus json_read(Bytes text, JsonValue *values, size_t room, uint8_t *strings);

/* "not a JSON text", for a message; of no more than public words. */
extern const char *json_status_text(JsonStatus status);

/* Members and elements: for (v = json_first(o), i = 0; i < o->count; v = json_next(v), i++) */
static inline const JsonValue *
json_first(const JsonValue *container)
{
	return container + 1;
}

static inline const JsonValue *
json_next(const JsonValue *value)
{
	return value + value->span;
}

/* NULL when there is none of this name, or the value is no object. */
extern const JsonValue *json_member(const JsonValue *object, const char *name);

/* Whether it is a string, and this one. NULL is none. */
extern bool json_is_string(const JsonValue *value, const char *text);

/* Writes text, which is UTF-8, as a string with its quotes: at most json_string_bound bytes. */
extern size_t json_write_string(Bytes text, char *out);

static inline size_t
json_string_bound(size_t size)
{
	return 6 * size + 2; /* \u001f */
}

#endif
