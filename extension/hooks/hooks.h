/*
 * hooks.h
 *		All server hooks of the extension.
 */
#ifndef TAROT_HOOKS_HOOKS_H
#define TAROT_HOOKS_HOOKS_H

extern void HooksInit(void);

#endif
