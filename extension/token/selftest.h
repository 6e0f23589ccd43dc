/*
 * selftest.h
 *		Known tokens, asked before any other is believed.
 */
#ifndef TAROT_TOKEN_SELFTEST_H
#define TAROT_TOKEN_SELFTEST_H

/* NULL when all is well, else the name of the algorithm that gave a wrong answer. */
extern const char *token_self_test(void);

#endif
