/*
 * log.c
 *		Keeps plaintext out of the server log.
 *
 * A statement that fails is logged with its text, and COPY FROM with the line
 * it was reading: both may hold what should have been encrypted. So literals
 * are taken out of what is logged. And once plaintext has been at the gate, it
 * may be in whatever is filled into a message or stands beside it: then the log
 * gets no more than what the code of the server itself says.
 *
 * The client gets it all, by a message of its own: what it may know was decided
 * by the gate, and it needs to know what its functions raise.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/elog.h"
#include "utils/guc.h"

#include "base/errors.h"
#include "class/reveal.h"
#include "hooks/detail.h"
#include "hooks/log.h"
#include "hooks/redact.h"

/* The class of our own errors. */
#define OWN_CATEGORY ERRCODE_TO_CATEGORY(TAROT_ERRCODE_LOCKED)

#define KEPT_OUT "Kept out of the log: it may show values of encrypted columns, or secrets."

/*
 * Whether string and number literals in statements that the server logs
 * because they failed are replaced by "?". Turn it off in a database without
 * secrets to see them.
 */
static bool redact_failed_statements = true;

static emit_log_hook_type previous_emit_log;

/* While the log gets its own form of a message. */
static bool telling_log = false;

/* Long enough to recognize a statement; no allocation while an error is handled. */
#define STATEMENT_MAX 4096

/* Without what stands in quotation marks; NULL if nothing does. */
static char *
hide_quoted(const char *message)
{
	const char *first = strchr(message, '"');
	const char *last = first != NULL ? strrchr(first, '"') : NULL;

	if (first == last)
		return NULL;
	return psprintf("%.*s***%s", (int) (first + 1 - message), message, last);
}

/*
 * Messages that tell the names of objects and no values: of constraints, of
 * what may not be used, and our own. So does one that points to a place in the
 * client's statement. But functions may raise anything under any code.
 */
static bool
tells_names(const ErrorData *error)
{
	int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (error->message_id == NULL || strcmp(error->message_id, "%s") == 0)
		return false;
	return category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION || category == OWN_CATEGORY ||
		   error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE ||
		   (category == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION && error->cursorpos > 0);
}

/* Who was shown values, and why, is for the log, and says what was made to be said there. */
static bool
is_own_note(const ErrorData *error)
{
	return error->sqlerrcode == TAROT_ERRCODE_ACCESS_NOTED && error->message_id != NULL &&
		   strcmp(error->message_id, "%s") != 0;
}

/* A data error quotes data, be it the client's or a table's. What functions raise is theirs. */
static bool
quotes_data(const ErrorData *error)
{
	return redact_failed_statements &&
		   ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_DATA_EXCEPTION &&
		   error->message_id != NULL && strcmp(error->message_id, "%s") != 0;
}

/* What the log gets in place of the message; NULL if it may have that. */
static char *
message_for_log(const ErrorData *error, bool saw_plaintext)
{
	char *message;

	if (error->message == NULL || is_own_note(error))
		return NULL;
	if (saw_plaintext && (error->elevel == LOG || error->elevel == LOG_SERVER_ONLY))
	{
		/* Statements and plans; the server's own news are numbers. */
		if (error->message_id != NULL && strncmp(error->message_id, "duration:", 9) == 0)
			return RedactDuration(error);
		if (error->message_id == NULL || strcmp(error->message_id, "%s") != 0)
		{
			size_t room = strlen(error->message) + 8;

			if (!RedactMayHoldLiteral(error->message))
				return NULL;
			message = palloc(room);
			RedactStatement(error->message, message, room, REDACT_LONG_NUMBER);
			return message;
		}
	}
	if (saw_plaintext ? tells_names(error) : !quotes_data(error))
	{
		/* The string at which a statement went wrong, or that has no end. */
		if (redact_failed_statements && error->sqlerrcode == ERRCODE_SYNTAX_ERROR &&
			strchr(error->message, '\'') != NULL)
			return hide_quoted(error->message);
		return NULL;
	}
	message = RedactMessage(error);
	return message != NULL ? message : pstrdup(KEPT_OUT);
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
	if (text == NULL || !RedactMayHoldLiteral(text))
		return;
	RedactStatement(text, detail, sizeof(detail), REDACT_LONG_NUMBER);
	error->detail_log = detail;
}

/* Takes out what the log must not get. What it puts in, but for the message, is static. */
static void
redact_for_log(ErrorData *error)
{
	static char statement[STATEMENT_MAX];
	static char query[STATEMENT_MAX];
	bool saw_plaintext = RevealSawPlaintext();
	char *message = message_for_log(error, saw_plaintext);

	if (redact_failed_statements)
	{
		/* What is logged is this variable; it is set anew with each statement. */
		if (debug_query_string != NULL && debug_query_string != statement && !error->hide_stmt)
		{
			RedactStatement(debug_query_string, statement, sizeof(statement), 1);
			debug_query_string = statement;
		}
		if (error->internalquery != NULL)
		{
			RedactStatement(error->internalquery, query, sizeof(query), 1);
			error->internalquery = query;
			error->internalpos = 0;
		}
		if (error->context != NULL && RedactMayHoldLiteral(error->context))
			error->context = NULL;
		redact_detail(error);

		/* What a message quotes, detail and context go on with: a line of JSON, say. */
		if (quotes_data(error) && strchr(error->message_id, '%') != NULL)
		{
			error->context = NULL;
			if (error->detail != NULL && error->detail_log == NULL)
				error->detail_log = KEPT_OUT;
		}
	}
	if (saw_plaintext)
	{
		bool own = tells_names(error) &&
				   ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;

		/* A query that a function put together may have a value for a name. */
		error->internalquery = NULL;
		error->context = NULL;
		if (error->detail != NULL && error->detail_log == NULL && !own)
			error->detail_log = KEPT_OUT;
		if (error->message_id == NULL || strcmp(error->message_id, "%s") == 0)
			error->hint = NULL;
	}
	if (message != NULL)
		error->message = message;
}

/*
 * News of the server, which a client gets that asks for them, are also of
 * statements inside of functions that it may not look into: it gets no more of
 * them than the log. Frees what goes, as the server will free what stays.
 */
static void
redact_for_client(ErrorData *error, const ErrorData *logged)
{
	if (error->message != logged->message)
	{
		pfree(error->message);
		error->message = logged->message;
	}
	if (error->detail != NULL && error->detail_log != logged->detail_log)
	{
		pfree(error->detail);
		error->detail = NULL;
	}
	if (error->context != NULL && logged->context == NULL)
	{
		pfree(error->context);
		error->context = NULL;
	}
}

/*
 * There is but one message for log and client. So the log is told first, by a
 * report of its own, and then the client.
 */
static void
on_emit_log(ErrorData *error)
{
	ErrorData original;

	DetailHideAtEmit(error);
	original = *error;
	if (telling_log || !error->output_to_server)
	{
		if (previous_emit_log)
			previous_emit_log(error);
		return;
	}

	redact_for_log(error);
	error->output_to_client = false;
	telling_log = true;
	PG_TRY();
	{
		EmitErrorReport();
	}
	PG_FINALLY();
	{
		ErrorData logged = *error;

		telling_log = false;
		*error = original;
		error->output_to_server = false;
		if (error->elevel == LOG || error->elevel == LOG_SERVER_ONLY)
			redact_for_client(error, &logged);
		else if (logged.message != error->message)
			pfree(logged.message);
	}
	PG_END_TRY();
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
