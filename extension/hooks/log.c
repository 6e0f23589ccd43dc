/*
 * log.c
 *		Keeps plaintext out of the server log.
 *
 * A statement that fails is logged with its text, and COPY FROM with the line
 * it was reading: both may hold what should have been encrypted. So literals
 * are taken out of logged statements, and contexts that may hold one, or that
 * come after plaintext has been at the gate, stay away from the log with their
 * details. The client still gets these; only what there is but one of, the
 * message and the text of an inner query, is redacted for both.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/elog.h"
#include "utils/guc.h"

#include "class/gate.h"
#include "hooks/log.h"

/*
 * Whether string and number literals in statements that the server logs
 * because they failed are replaced by "?". Turn it off in a database without
 * secrets to see them.
 */
static bool redact_failed_statements = true;

static emit_log_hook_type previous_emit_log;

/* Long enough to recognize a statement; no allocation while an error is handled. */
#define STATEMENT_MAX 4096

/* Numbers of fewer digits stand for processes, lines and transactions where no statement is alone.
 */
#define LONG_NUMBER 9

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

/*
 * Copies a statement with each literal as "?" and without comments; numbers of
 * fewer digits than `shortest_number` stay. Follows the lexical rules of scan.l
 * as far as they tell where a literal ends; a text that breaks them is taken
 * for a literal up to its end.
 */
static void
redact(const char *at, char *out, size_t room, int shortest_number)
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
			if (behind - at < shortest_number)
				behind = NULL;
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

/*
 * Hides what stands in quotation marks in messages such as: invalid input
 * syntax for type integer: "...". The client gets this message, too, as there
 * is but one; it knows what it sent or asked to be cast.
 */
static void
hide_quoted(ErrorData *error)
{
	char *first = error->message != NULL ? strchr(error->message, '"') : NULL;
	char *last = first != NULL ? strrchr(first, '"') : NULL;

	if (last != first)
		error->message =
			psprintf("%.*s***%s", (int) (first + 1 - error->message), error->message, last);
}

/*
 * Casts to regclass, to_tsquery and the like complain of a value as if it were
 * part of a statement; but a statement's own part has a place in it.
 */
static bool
may_quote_value(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
			   ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION &&
		   error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE && error->cursorpos <= 0;
}

/* Whether a text that quotes statements or parameters may show a literal. */
static bool
may_hold_literal(const char *text)
{
	int digits = 0;

	for (; *text != '\0'; text++)
	{
		digits = *text >= '0' && *text <= '9' ? digits + 1 : 0;
		if (*text == '\'' || *text == '$' || digits == LONG_NUMBER)
			return true;
	}
	return false;
}

/*
 * Details that quote the statements of others: of the sessions in a deadlock,
 * for the log alone, and of a process that died, told by the postmaster.
 */
static void
redact_detail(ErrorData *error)
{
	static char detail[STATEMENT_MAX];
	const char *text = error->detail_log;

	if (text == NULL && !IsUnderPostmaster)
		text = error->detail;
	if (text == NULL || !may_hold_literal(text))
		return;
	redact(text, detail, sizeof(detail), LONG_NUMBER);
	error->detail_log = pstrdup(detail);
}

static void
on_emit_log(ErrorData *error)
{
	static char statement[STATEMENT_MAX];
	static char query[STATEMENT_MAX];

	if (error->output_to_server && redact_failed_statements)
	{
		/* What is logged is this variable; it is set anew with each statement. */
		if (debug_query_string != NULL && debug_query_string != statement && !error->hide_stmt)
		{
			redact(debug_query_string, statement, sizeof(statement), 1);
			debug_query_string = statement;
		}
		if (error->internalquery != NULL && may_hold_literal(error->internalquery))
		{
			/* Replaced by what the server may free, in the context of the error. */
			redact(error->internalquery, query, sizeof(query), 1);
			error->internalquery = pstrdup(query);
			error->internalpos = 0;
		}

		/* The string at which a statement went wrong, or that has no end. */
		if (error->sqlerrcode == ERRCODE_SYNTAX_ERROR && error->message != NULL &&
			strchr(error->message, '\'') != NULL)
			hide_quoted(error);

		/* It is the client's too, so it cannot be changed, only kept out of the log. */
		if (error->context != NULL && may_hold_literal(error->context))
			error->hide_ctx = true;
		redact_detail(error);
	}
	if (error->output_to_server && GateSawPlaintext())
	{
		int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

		error->hide_ctx = true;
		if (category == ERRCODE_DATA_EXCEPTION || may_quote_value(error))
			hide_quoted(error);
		if (error->detail != NULL && error->detail_log == NULL &&
			(category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
			 category == ERRCODE_DATA_EXCEPTION))
			error->detail_log =
				pstrdup("Kept out of the log: it may show values of encrypted columns.");
	}

	if (previous_emit_log)
		previous_emit_log(error);
}

void
LogHooksInit(void)
{
	DefineCustomBoolVariable("tarot_security.redact_failed_statements",
							 "Replaces literals by \"?\" in statements that are logged because "
							 "they failed.",
							 NULL, &redact_failed_statements, true, PGC_SUSET, 0, NULL, NULL, NULL);
	previous_emit_log = emit_log_hook;
	emit_log_hook = on_emit_log;
}
