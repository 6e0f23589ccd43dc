/*
 * json_test.c
 *		The JSON reader of token/: what it takes, what it refuses and why, and
 *		that it stays inside the room it is given.
 */
#include "token/json.h"

#include "unit.h"

#define VALUES 4096

static JsonValue values[VALUES];
static uint8_t *strings;

/* A copy of exactly its size, and room for strings of exactly that, for the sanitizer to guard. */
static JsonStatus
read_text(Bytes text)
{
	static uint8_t *copy;

	free(copy);
	free(strings);
	copy = must(malloc(text.len + 1));
	strings = must(malloc(text.len + 1));
	if (text.len > 0)
	{
		copy = must(realloc(copy, text.len));
		strings = must(realloc(strings, text.len));
		memcpy(copy, text.data, text.len);
	}
	return json_read(bytes_view(copy, text.len), values, VALUES, strings);
}

/* ---------------------------------------------------------------- one by one */

static void
test_table(void)
{
	static const struct
	{
		JsonStatus status;
		const char *text;
	} cases[] = {
		/* the grammar */
		{JSON_OK, "{}"},
		{JSON_OK, "[]"},
		{JSON_OK, " \t\r\n{ \"a\" : [ 1 , 2 ] }\n"},
		{JSON_OK, "\"\""},
		{JSON_OK, "null"},
		{JSON_OK, "[true,false,null]"},
		{JSON_OK, "{\"\":1}"},
		{JSON_MALFORMED, ""},
		{JSON_MALFORMED, " "},
		{JSON_MALFORMED, "{"},
		{JSON_MALFORMED, "}"},
		{JSON_MALFORMED, "["},
		{JSON_MALFORMED, "[1"},
		{JSON_MALFORMED, "[1,"},
		{JSON_MALFORMED, "[1,]"},
		{JSON_MALFORMED, "[,1]"},
		{JSON_MALFORMED, "[1 2]"},
		{JSON_MALFORMED, "[1}"},
		{JSON_MALFORMED, "{\"a\"}"},
		{JSON_MALFORMED, "{\"a\":}"},
		{JSON_MALFORMED, "{\"a\":1,}"},
		{JSON_MALFORMED, "{a:1}"},
		{JSON_MALFORMED, "{'a':1}"},
		{JSON_MALFORMED, "{1:1}"},
		{JSON_MALFORMED, "{\"a\":1 \"b\":2}"},
		{JSON_MALFORMED, "{\"a\" 1}"},
		{JSON_MALFORMED, "{}{}"},
		{JSON_MALFORMED, "{} x"},
		{JSON_MALFORMED, "{}]"},
		{JSON_MALFORMED, "tru"},
		{JSON_MALFORMED, "True"},
		{JSON_MALFORMED, "nul"},
		{JSON_MALFORMED, "truex"},
		{JSON_MALFORMED, "NaN"},
		{JSON_MALFORMED, "Infinity"},
		{JSON_MALFORMED, "/**/1"},
		{JSON_MALFORMED, "\f1"},
		{JSON_MALFORMED, "\xef\xbb\xbf{}"},
		{JSON_MALFORMED, "\xc2\xa0{}"},

		/* numbers */
		{JSON_OK, "0"},
		{JSON_OK, "-0"},
		{JSON_OK, "-0.0e-0"},
		{JSON_OK, "1234567890123456789012345678901234567890"},
		{JSON_OK, "1.5E+999"},
		{JSON_OK, "1e-999"},
		{JSON_OUT_OF_RANGE, "1e1000"},
		{JSON_OUT_OF_RANGE, "1e-1000"},
		{JSON_OUT_OF_RANGE, "1e0001"},
		{JSON_OUT_OF_RANGE, "[1e99999999999999999999]"},
		{JSON_MALFORMED, "01"},
		{JSON_MALFORMED, "-"},
		{JSON_MALFORMED, "-01"},
		{JSON_MALFORMED, "+1"},
		{JSON_MALFORMED, ".5"},
		{JSON_MALFORMED, "1."},
		{JSON_MALFORMED, "1.e1"},
		{JSON_MALFORMED, "1e"},
		{JSON_MALFORMED, "1e+"},
		{JSON_MALFORMED, "1e+-1"},
		{JSON_MALFORMED, "1e1.5"},
		{JSON_MALFORMED, "0x10"},
		{JSON_MALFORMED, "1_000"},
		{JSON_MALFORMED, "--1"},
		{JSON_MALFORMED, "- 1"},

		/* strings */
		{JSON_OK, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""},
		{JSON_OK, "\"\\u0001\\u007f\\uffff\""},
		{JSON_OK, "\"\\ud834\\udd1e\\uDBFF\\uDFFF\""},
		{JSON_OK, "\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90"
				  "\x80\x80\xf4\x8f\xbf\xbf\""},
		{JSON_MALFORMED, "\""},
		{JSON_MALFORMED, "\"\\\""},
		{JSON_MALFORMED, "\"a"},
		{JSON_MALFORMED, "\"a\nb\""},
		{JSON_MALFORMED, "\"\x1f\""},
		{JSON_MALFORMED, "\"\\a\""},
		{JSON_MALFORMED, "\"\\'\""},
		{JSON_MALFORMED, "\"\\x41\""},
		{JSON_MALFORMED, "\"\\U0041\""},
		{JSON_MALFORMED, "\"\\u\""},
		{JSON_MALFORMED, "\"\\u004\""},
		{JSON_MALFORMED, "\"\\u004g\""},
		{JSON_MALFORMED, "\"\\u004\xc3\xa9\""},
		{JSON_MALFORMED, "\"\\ud834\\u123\""},
		{JSON_MALFORMED, "\"\\u00"},
		{JSON_NOT_TEXT, "\"\\u0000\""},
		{JSON_NOT_TEXT, "{\"a\\u0000\":1}"},
		{JSON_NOT_TEXT, "\"\\ud834\""},
		{JSON_NOT_TEXT, "\"\\udd1e\""},
		{JSON_NOT_TEXT, "\"\\udd1e\\ud834\""},
		{JSON_NOT_TEXT, "\"\\ud834\\ud834\""},
		{JSON_NOT_TEXT, "\"\\ud834\\n\""},
		{JSON_NOT_TEXT, "\"\\ud834x\""},
		{JSON_NOT_TEXT, "\"\\ud834"},
		{JSON_NOT_TEXT, "\"\x80\""},
		{JSON_NOT_TEXT, "\"\xbf\""},
		{JSON_NOT_TEXT, "\"\xc0\x80\""},
		{JSON_NOT_TEXT, "\"\xc1\xbf\""},
		{JSON_NOT_TEXT, "\"\xc3\""},
		{JSON_NOT_TEXT, "\"\xc3"},
		{JSON_NOT_TEXT, "\"\xc3\xc3\""},
		{JSON_NOT_TEXT, "\"\xe0\x9f\xbf\""},
		{JSON_NOT_TEXT, "\"\xe2\x82\""},
		{JSON_NOT_TEXT, "\"\xe2\x82"},
		{JSON_NOT_TEXT, "\"\xed\xa0\x80\""},
		{JSON_NOT_TEXT, "\"\xed\xb0\x80\""},
		{JSON_NOT_TEXT, "\"\xf0\x8f\xbf\xbf\""},
		{JSON_NOT_TEXT, "\"\xf0\x9f\x98\""},
		{JSON_NOT_TEXT, "\"\xf4\x90\x80\x80\""},
		{JSON_NOT_TEXT, "\"\xf5\x80\x80\x80\""},
		{JSON_NOT_TEXT, "\"\xff\""},

		/* a name twice, at any level and however written */
		{JSON_DUPLICATE, "{\"exp\":1,\"exp\":1}"},
		{JSON_DUPLICATE, "{\"exp\":1,\"\\u0065xp\":2}"},
		{JSON_DUPLICATE, "{\"\\u0065\\u0078\\u0070\":1,\"nbf\":0,\"exp\":2}"},
		{JSON_DUPLICATE, "{\"\":1,\"\":2}"},
		{JSON_DUPLICATE, "{\"a\":[{\"b\":{\"c\":1,\"d\":2,\"c\":3}}]}"},
		{JSON_DUPLICATE, "{\"\xf0\x9d\x84\x9e\":1,\"\\ud834\\udd1e\":2}"},
		{JSON_DUPLICATE, "{\"a/b\":1,\"a\\/b\":2}"},
		{JSON_OK, "{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}"},
		{JSON_OK, "{\"a\":1,\"A\":2,\"a \":3}"},
	};
	size_t wrong = 0;

	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		JsonStatus status = read_text(bytes_of_string(cases[i].text));

		if (status != cases[i].status)
		{
			printf("# %s: %s, expected %s\n", cases[i].text, json_status_text(status),
				   json_status_text(cases[i].status));
			wrong++;
		}
	}
	ok(wrong == 0, "%zu texts are taken or refused for the right reason", LENGTH(cases));
	ok(read_text(STRING("\"a\0b\"")) == JSON_MALFORMED &&
		   read_text(STRING("{}\0")) == JSON_MALFORMED,
	   "a zero byte is refused in a string and behind the value");
}

/* ---------------------------------------------------------------- bounds */

/* `count` times one text, `middle`, and `count` times another one. */
static JsonStatus
read_nested(size_t count, const char *before, const char *middle, const char *after)
{
	size_t size = count * (strlen(before) + strlen(after)) + strlen(middle);
	char *text = must(malloc(size + 1));
	char *to = text;
	JsonStatus status;

	for (size_t i = 0; i < count; i++)
		to = stpcpy(to, before);
	to = stpcpy(to, middle);
	for (size_t i = 0; i < count; i++)
		to = stpcpy(to, after);
	status = read_text(bytes_view(text, size));
	free(text);
	return status;
}

static void
test_bounds(void)
{
	char members[JSON_MEMBERS_MAX * 12 + 32];
	char *to = members;
	size_t wrong = 0;

	ok(read_nested(JSON_DEPTH_MAX, "[", "1", "]") == JSON_OK &&
		   read_nested(JSON_DEPTH_MAX, "{\"a\":", "1", "}") == JSON_OK &&
		   read_nested(JSON_DEPTH_MAX + 1, "[", "", "]") == JSON_TOO_DEEP &&
		   read_nested(JSON_DEPTH_MAX + 1, "{\"a\":", "1", "}") == JSON_TOO_DEEP &&
		   read_nested(100000, "[", "", "") == JSON_TOO_DEEP &&
		   read_nested(100000, "{\"a\":", "", "") == JSON_TOO_DEEP,
	   "%d levels are taken, more are not, and cost no stack", JSON_DEPTH_MAX);

	*to++ = '{';
	for (int i = 0; i < JSON_MEMBERS_MAX; i++)
		to += sprintf(to, "%s\"%d\":0", i == 0 ? "" : ",", i);
	stpcpy(to, "}");
	ok(read_text(bytes_of_string(members)) == JSON_OK && values[0].count == JSON_MEMBERS_MAX,
	   "an object may have %d members", JSON_MEMBERS_MAX);
	stpcpy(to, ",\"x\":0}");
	ok(read_text(bytes_of_string(members)) == JSON_TOO_MANY, "and no more");

	/* With room for fewer values than there are. */
	for (size_t room = 0; room < 8; room++)
	{
		Bytes text = STRING("[1,{\"a\":[2,\"\\u00e9\"]},null]");
		JsonValue *exact = must(malloc(room * sizeof(JsonValue) + 1));
		uint8_t space[64];

		wrong += json_read(text, exact, room, space) != (room < 7 ? JSON_TOO_MANY : JSON_OK);
		free(exact);
	}
	ok(wrong == 0, "no value is written beyond the room for values");

	/* Cut anywhere it is no JSON any more. */
	wrong = 0;
	for (size_t size = 0; size < strlen(members); size++)
		wrong += read_text(bytes_view(members, size)) == JSON_OK;
	ok(wrong == 0, "no beginning of an object is taken for one");
}

/* ---------------------------------------------------------------- what was read */

static bool
text_is(const JsonValue *value, JsonKind kind, const char *text)
{
	return value != NULL && value->kind == kind && bytes_equal(value->text, bytes_of_string(text));
}

static void
test_values(void)
{
	const JsonValue *list, *item;

	if (read_text(STRING(" {\"a\" : 1.50e3 , \"li\\u0073t\":[ \"x\", [ ] ,{\"\\u0061\":\"\\ud834"
						 "\\udd1e\\\\\\n\"},true ],\"z\":null} ")) != JSON_OK)
		die("the example is not read");
	list = json_member(values, "list");
	ok(values[0].count == 3 && values[0].span == 9 && list != NULL && list->count == 4 &&
		   list->span == 6 && bytes_equal(list->name, STRING("list")),
	   "containers count what is in them, and span it");
	ok(text_is(json_member(values, "a"), JSON_NUMBER, "1.50e3") &&
		   text_is(json_member(values, "z"), JSON_NULL, "null") && json_member(values, "b") == NULL,
	   "members are found by name, and none that is not there");

	item = json_first(list);
	ok(text_is(item, JSON_STRING, "x") && json_is_string(item, "x") && !json_is_string(item, "y") &&
		   !json_is_string(item, "") && !json_is_string(NULL, "x"),
	   "a string is its text");
	item = json_next(item);
	ok(text_is(item, JSON_ARRAY, "[ ]") && item->count == 0 && json_member(item, "a") == NULL,
	   "an array's text is as it stands in the source, and it has no members");
	item = json_next(item);
	ok(text_is(item, JSON_OBJECT, "{\"\\u0061\":\"\\ud834\\udd1e\\\\\\n\"}") &&
		   text_is(json_member(item, "a"), JSON_STRING, "\xf0\x9d\x84\x9e\\\n"),
	   "names and strings are unescaped");
	item = json_next(item);
	ok(text_is(item, JSON_TRUE, "true") && !json_is_string(item, "true"),
	   "a word is not the string of its letters");
}

/* Each code point, escaped and written, comes back as the same bytes. */
static void
test_characters(void)
{
	size_t wrong = 0, refused = 0;

	for (uint32_t code = 1; code <= 0x10ffff; code += code < 0x12000 ? 1 : 251)
	{
		char escaped[16], written[16];
		uint8_t space[16];
		JsonValue value, again;
		size_t size;

		if (code < 0x10000)
			sprintf(escaped, "\"\\u%04x\"", code);
		else
			sprintf(escaped, "\"\\u%04X\\u%04x\"", 0xd800 + ((code - 0x10000) >> 10),
					0xdc00 + ((code - 0x10000) & 0x3ff));
		if (json_read(bytes_of_string(escaped), &value, 1, space) != JSON_OK)
		{
			refused++;
			wrong += code < 0xd800 || code > 0xdfff;
			continue;
		}
		size = json_write_string(value.text, written);
		wrong += size > json_string_bound(value.text.len) ||
				 json_read(bytes_view(written, size), &again, 1, (uint8_t *) escaped) != JSON_OK ||
				 !bytes_equal(value.text, again.text);
	}
	ok(wrong == 0 && refused == 0x800,
	   "every character is unescaped, written and read again; halves of pairs are refused");
}

/* Any bytes: within bounds, and what is taken is taken again when written down. */
static void
test_any_bytes(void)
{
	static const char alphabet[] = "{}[]\",:\\u0041eE+-.1tfn \x80\xc3\xa9\x01";
	char text[40];
	size_t taken = 0;

	for (int round = 0; round < 200000; round++)
	{
		size_t size = any(sizeof(text));

		for (size_t i = 0; i < size; i++)
			text[i] = alphabet[any(sizeof(alphabet) - 1)];
		taken += read_text(bytes_view(text, size)) == JSON_OK;
	}
	ok(taken > 0, "%zu of 200 000 random texts are JSON", taken);
}

int
main(void)
{
	begin();
	test_table();
	test_bounds();
	test_values();
	test_characters();
	test_any_bytes();
	return end();
}
