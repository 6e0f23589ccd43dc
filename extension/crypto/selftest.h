/*
 * selftest.h
 *		Known answers, asked before any key is used.
 */
#ifndef TAROT_CRYPTO_SELFTEST_H
#define TAROT_CRYPTO_SELFTEST_H

#include <stddef.h>

/* NULL when all is well, else the name of what gave a wrong answer. */
extern const char *crypto_self_test(void);

#endif
