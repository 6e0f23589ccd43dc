/*
 * statement.h
 *		Hooks around the statements of a session.
 */
#ifndef TAROT_HOOKS_STATEMENT_H
#define TAROT_HOOKS_STATEMENT_H

/*
 * Whether what is analyzed now is a statement that the client of this session
 * sent, and not part of one that runs, or of a function.
 */
extern bool StatementIsOfClient(void);

extern void StatementHooksInit(void);

#endif
