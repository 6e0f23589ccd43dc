/*
 * failure.c
 *		What is told of a batch that failed.
 *
 * The message goes to who looks after jobs, and must not tell what is in rows. Under any
 * SQLSTATE code of the table's owner can raise any text, and also the server itself
 * quotes what such code calls a table, a column or a setting. So a message is kept only
 * where no value can be in it.
 */
#include "postgres.h"

#include "base/errors.h"
#include "jobs/failure.h"

JobStage JobReached = JOB_OWN;

/* Functions that tell names of the catalog alone, which everybody may read. */
static const char *const telling[] = {"aclcheck_error", "ri_ReportViolation", "ExecConstraints",
									  "ReportNotNullViolationError", "_bt_check_unique",
									  /* Of ours, masking/site.c. */
									  "refuse_read", "refuse_write"};

/* The text is one of the C code's, and nothing was put into it. */
static bool
is_constant(const ErrorData *error)
{
	return error->message_id != NULL && strchr(error->message_id, '%') == NULL;
}

/*
 * Raised by the statement itself, and by no other that one of its functions runs. The lines of
 * the context begin with the innermost; or the statement stands beside it, where the error has
 * a place in it. The server makes them in English there.
 */
static bool
is_of_statement(const ErrorData *error, const char *statement)
{
	static const char begins[] = "SQL statement \"";
	const char *rest = error->context;
	size_t length = strlen(statement);

	if (error->internalquery != NULL)
		return strcmp(error->internalquery, statement) == 0;
	if (rest == NULL || strncmp(rest, begins, sizeof(begins) - 1) != 0)
		return false;
	rest += sizeof(begins) - 1;
	return strncmp(rest, statement, length) == 0 && rest[length] == '"' &&
		   (rest[length + 1] == '\0' || rest[length + 1] == '\n');
}

const char *
JobFailureMessage(const ErrorData *error, const char *statement)
{
	bool of_statement = statement != NULL && is_of_statement(error, statement);

	/* This extension's own code, on its own tables. */
	if (JobReached == JOB_OWN || is_constant(error))
		return error->message;

	/* No row was read yet. */
	if (JobReached == JOB_ANALYSIS && of_statement &&
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION)
		return error->message;
	for (int i = 0; i < (int) lengthof(telling) && of_statement && error->funcname != NULL; i++)
	{
		if (strcmp(error->funcname, telling[i]) == 0)
			return error->message;
	}
	return "a statement of the job, or what it fired, has failed";
}
