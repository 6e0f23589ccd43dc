/*
 * statement.h
 *		Hooks around the statements of a session.
 */
#ifndef TAROT_HOOKS_STATEMENT_H
#define TAROT_HOOKS_STATEMENT_H

extern void StatementHooksInit(void);

#endif
