/*
 * redact.c
 *		Texts for the server log without the values in them.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "parser/parser.h"
#include "utils/json.h"

#include "hooks/redact.h"

/* ---------------------------------------------------------------- statements */

static bool
is_identifier_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
		   c == '$' || c >= 0x80;
}

/* Behind a string that begins at `at`, or the end of the text. */
static const char *
skip_string(const char *at, bool escapes)
{
	at++;
	while (*at != '\0')
	{
		if (escapes && *at == '\\' && at[1] != '\0')
			at += 2;
		else if (*at == '\'' && at[1] == '\'')
			at += 2;
		else if (*at++ == '\'')
			break;
	}
	return at;
}

/* Behind a dollar-quoted string, or NULL if none begins here. */
static const char *
skip_dollar_string(const char *at)
{
	const char *tag = at;
	const char *end = at + 1;
	size_t size;

	if (*end >= '0' && *end <= '9')
		return NULL;
	while (*end != '$' && is_identifier_char((unsigned char) *end))
		end++;
	if (*end != '$')
		return NULL;
	size = (size_t) (end - tag) + 1;
	for (at = end + 1; *at != '\0'; at++)
	{
		if (*at == '$' && strncmp(at, tag, size) == 0)
			return at + size;
	}
	return at;
}

static const char *
skip_comment(const char *at)
{
	int depth = 0;

	if (at[0] == '-')
	{
		while (*at != '\0' && *at != '\n')
			at++;
		return at;
	}
	do
	{
		if (at[0] == '/' && at[1] == '*')
		{
			depth++;
			at += 2;
		}
		else if (at[0] == '*' && at[1] == '/')
		{
			depth--;
			at += 2;
		}
		else
			at++;
	} while (*at != '\0' && depth > 0);
	return at;
}

/* In a plan, what is measured stands behind "=" or ": ", or in a tag; but columns of output may be
 * numbers. */
static bool
is_measure(const char *start, const char *out)
{
	size_t size = (size_t) (out - start);
	if (size < 8)
		return false;
	if (out[-1] == '=' || (out[-1] == '>' && memcmp(out - 5, "Item>", 5) != 0))
		return true;
	return out[-1] == ' ' && out[-2] == ':' && memcmp(out - 8, "Output: ", 8) != 0;
}

/*
 * Follows the lexical rules of scan.l as far as they tell where a literal ends;
 * a text that breaks them is taken for a literal up to its end.
 */
static void
redact(const char *at, char *out, size_t room, int shortest_number, bool plan)
{
	char *last = out + room - 4;
	char *start = out;

	while (*at != '\0' && out < last)
	{
		bool inside_word = out > start && is_identifier_char((unsigned char) out[-1]);
		const char *behind = NULL;

		if (*at == '\'')
		{
			/* E'...', and a word of one letter at that */
			bool escapes = !standard_conforming_strings;

			if (inside_word && (out[-1] == 'e' || out[-1] == 'E') &&
				(out - 1 == start || !is_identifier_char((unsigned char) out[-2])))
				escapes = true;
			behind = skip_string(at, escapes);
		}
		else if (*at == '$' && !inside_word)
			behind = skip_dollar_string(at);
		else if (*at >= '0' && *at <= '9' && !inside_word)
		{
			behind = at + 1;
			/* A "$" right behind a number begins a string. */
			while ((is_identifier_char((unsigned char) *behind) && *behind != '$') ||
				   *behind == '.')
				behind++;
			if (behind - at < shortest_number || (plan && is_measure(start, out)))
			{
				while (at < behind && out < last)
					*out++ = *at++;
				continue;
			}
		}
		if (behind != NULL)
		{
			*out++ = '?';
			at = behind;
		}
		else if ((at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*'))
		{
			*out++ = ' ';
			at = skip_comment(at);
		}
		else if (*at == '"')
		{
			/* A quoted identifier may hold anything but a literal. */
			do
				*out++ = *at++;
			while (*at != '\0' && *at != '"' && out < last);
			if (*at == '"' && out < last)
				*out++ = *at++;
		}
		else
			*out++ = *at++;
	}
	if (*at != '\0')
	{
		/* Not in the middle of a character. */
		while (out > start && ((unsigned char) out[-1] & 0xC0) == 0x80)
			out--;
		if (out > start && (unsigned char) out[-1] >= 0xC0)
			out--;
		memcpy(out, "...", 3);
		out += 3;
	}
	*out = '\0';
}

void
RedactStatement(const char *statement, char *out, size_t room, int shortest_number)
{
	redact(statement, out, room, shortest_number, false);
}

bool
RedactMayHoldLiteral(const char *text)
{
	int digits = 0;

	for (; *text != '\0'; text++)
	{
		digits = *text >= '0' && *text <= '9' ? digits + 1 : 0;
		if (*text == '\'' || *text == '$' || digits == REDACT_LONG_NUMBER)
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- messages */

/* Behind a conversion of a format, which begins at `at` with "%". */
static const char *
skip_conversion(const char *at)
{
	at++;
	at += strspn(at, "-+ #0'*$.123456789");
	at += strspn(at, "hlLqjzt");
	return *at != '\0' ? at + 1 : at;
}

/*
 * The name of a type, which a message tells before it comes to the value:
 * invalid input syntax for type integer: "...". `size` bytes of its format come
 * before the name, and it ends as the format goes on.
 */
static int
type_name_size(const ErrorData *error, size_t size, const char *behind)
{
	const char *end;

	if (size < 5 || memcmp(error->message_id + size - 5, "type ", 5) != 0 ||
		strncmp(error->message, error->message_id, size) != 0 || *behind == '\0')
		return 0;
	end = strchr(error->message + size, *behind);
	return end != NULL ? (int) (end - error->message - size) : 0;
}

char *
RedactMessage(const ErrorData *error)
{
	StringInfoData out;
	const char *format = error->message_id;
	bool first = true;

	/* None came along with what another process raised. */
	if (format == NULL || format[strspn(format, "%s: ")] == '\0')
		return NULL;

	initStringInfo(&out);
	while (*format != '\0')
	{
		const char *behind;
		int name;

		if (*format != '%')
		{
			appendStringInfoChar(&out, *format++);
			continue;
		}
		behind = skip_conversion(format);
		if (behind[-1] == '%')
			appendStringInfoChar(&out, '%');
		else if (behind[-1] == 'm')
			appendStringInfoString(&out, strerror(error->saved_errno));
		else
		{
			name = first ? type_name_size(error, (size_t) (format - error->message_id), behind) : 0;
			if (name > 0)
				appendBinaryStringInfo(&out, error->message + (format - error->message_id), name);
			else
				appendStringInfoString(&out, "***");
			first = false;
		}
		format = behind;
	}
	return out.data;
}

/* ---------------------------------------------------------------- plans */

/* The string of JSON that begins at `at`, redacted; returns what is behind it. */
static const char *
redact_json_string(const char *at, StringInfo out)
{
	StringInfoData plain;
	char *redacted;

	initStringInfo(&plain);
	for (at++; *at != '\0' && *at != '"'; at++)
	{
		char c = *at;

		if (c == '\\' && at[1] != '\0')
		{
			c = *++at;
			if (c == 'n' || c == 'r' || c == 't' || c == 'b' || c == 'f')
				c = ' ';
			else if (c == 'u') /* a control character */
			{
				at += strnlen(at, 5) - 1;
				c = ' ';
			}
		}
		appendStringInfoChar(&plain, c);
	}
	redacted = palloc(plain.len + 8);
	redact(plain.data, redacted, plain.len + 8, 1, false);
	escape_json(out, redacted);
	pfree(redacted);
	pfree(plain.data);
	return *at == '"' ? at + 1 : at;
}

char *
RedactDuration(const ErrorData *error)
{
	const char *message = error->message;
	const char *body = strstr(error->message_id, "plan:") != NULL ? strchr(message, '\n') : NULL;
	StringInfoData out;
	size_t room;

	/* JSON; or YAML, which quotes strings alike. */
	if (body != NULL && (body[1] == '{' || strncmp(body + 1, "Query Text: \"", 13) == 0))
	{
		initStringInfo(&out);
		while (*message != '\0')
		{
			if (*message == '"')
				message = redact_json_string(message, &out);
			else
				appendStringInfoChar(&out, *message++);
		}
		return out.data;
	}
	room = strlen(message) + 8;
	initStringInfo(&out);
	enlargeStringInfo(&out, (int) room);
	redact(message, out.data, room, 1, true);
	return out.data;
}
