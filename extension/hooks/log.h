/*
 * log.h
 *		What the server log must not get to see.
 */
#ifndef TAROT_HOOKS_LOG_H
#define TAROT_HOOKS_LOG_H

extern void LogHooksInit(void);

#endif
