/*
 * redact.h
 *		Texts for the server log without the values in them.
 */
#ifndef TAROT_HOOKS_REDACT_H
#define TAROT_HOOKS_REDACT_H

#include "utils/elog.h"

/* Numbers of fewer digits stand for processes, lines and transactions where no statement is alone.
 */
#define REDACT_LONG_NUMBER 9

/* Whether a text that quotes statements or parameters may show a literal. */
extern bool RedactMayHoldLiteral(const char *text);

/*
 * A statement with each literal as "?" and without comments, shortened to what
 * has room; numbers of fewer digits than `shortest_number` stay.
 */
extern void RedactStatement(const char *statement, char *out, size_t room, int shortest_number);

/*
 * A message that was made from a format, with "***" for what was filled in,
 * palloc'd; NULL if its format does not say more than that there is a message.
 */
extern char *RedactMessage(const ErrorData *error);

/*
 * A message about a duration with "?" for the values: of a statement, or of a
 * plan in any of auto_explain's formats; palloc'd.
 */
extern char *RedactDuration(const ErrorData *error);

#endif
