/*
 * json_fuzz.c
 *		Any bytes as JSON: refused, or read to a tree that means the same when it
 *		is written down and read again.
 *
 * clang -fsanitize=fuzzer,address,undefined; seeds: corpus/json, by make-corpus.
 * Texts, values and unescaped strings lie in blocks of exactly their room.
 */
#include <stdlib.h>

#include "token/json.h"
#include "fuzz.h"

#define VALUES 512

/* What json_read had to say about a text, and the room it had. */
typedef struct Document
{
	JsonStatus status;
	JsonValue *values;
	uint8_t *strings;
} Document;

static void *
allocate(size_t size)
{
	void *memory = malloc(size > 0 ? size : 1);

	require(memory != NULL);
	return memory;
}

static Document
read_document(Bytes text, size_t room)
{
	Document document = {.values = allocate(room * sizeof(JsonValue)),
						 .strings = allocate(text.len)};

	document.status = json_read(text, document.values, room, document.strings);
	return document;
}

static void
free_document(Document *document)
{
	free(document->values);
	free(document->strings);
}

static bool
same_bytes(Bytes a, Bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The tree as text, without white space; from the values alone. */
static char *
write_value(const JsonValue *value, char *to)
{
	const JsonValue *inner = json_first(value);
	bool is_object = value->kind == JSON_OBJECT;

	switch (value->kind)
	{
		case JSON_STRING:
			return to + json_write_string(value->text, to);
		case JSON_ARRAY:
		case JSON_OBJECT:
			break;
		default:
			memcpy(to, value->text.data, value->text.len);
			return to + value->text.len;
	}
	*to++ = is_object ? '{' : '[';
	for (uint32_t i = 0; i < value->count; i++, inner = json_next(inner))
	{
		if (i > 0)
			*to++ = ',';
		if (is_object)
		{
			to += json_write_string(inner->name, to);
			*to++ = ':';
		}
		to = write_value(inner, to);
	}
	*to++ = is_object ? '}' : ']';
	require(inner == value + value->span);
	return to;
}

static void
check_tree(const JsonValue *values)
{
	for (uint32_t i = 0; i < values[0].span; i++)
	{
		const JsonValue *value = &values[i];

		require(value->span >= 1 && i + value->span <= values[0].span);
		if (value->kind != JSON_OBJECT && value->kind != JSON_ARRAY)
			require(value->span == 1 && value->count == 0);
		if (value->kind == JSON_STRING)
			require(value->text.len == 0 ||
					memchr(value->text.data, '\0', value->text.len) == NULL);
		if (value->kind == JSON_OBJECT)
		{
			const JsonValue *member = json_first(value);

			require(value->count <= JSON_MEMBERS_MAX);
			for (uint32_t j = 0; j < value->count; j++, member = json_next(member))
			{
				char name[64];

				if (member->name.len >= sizeof(name))
					continue;
				memcpy(name, member->name.data, member->name.len);
				name[member->name.len] = '\0';
				require(json_member(value, name) == member);
			}
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Document document = read_document(bytes_view(data, size), VALUES);

	require(json_status_text(document.status) != NULL);
	if (document.status == JSON_OK)
	{
		uint32_t count = document.values[0].span;
		char *text = allocate(6 * size);
		size_t length = (size_t) (write_value(document.values, text) - text);
		Document again = read_document(bytes_view(text, length), count);

		check_tree(document.values);
		require(again.status == JSON_OK);
		for (uint32_t i = 0; i < count; i++)
		{
			const JsonValue *a = &document.values[i], *b = &again.values[i];

			require(a->kind == b->kind && a->count == b->count && a->span == b->span);
			require(same_bytes(a->name, b->name));
			if (a->kind != JSON_OBJECT && a->kind != JSON_ARRAY)
				require(same_bytes(a->text, b->text));
		}
		free_document(&again);

		/* With room for one value less it is too many, and nothing is written behind the room. */
		again = read_document(bytes_view(data, size), count - 1);
		require(again.status == JSON_TOO_MANY);
		free_document(&again);
		free(text);
	}
	free_document(&document);
	return 0;
}
