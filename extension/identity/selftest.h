/*
 * selftest.h
 *		Whether the libraries can be trusted with tokens.
 */
#ifndef TAROT_IDENTITY_SELFTEST_H
#define TAROT_IDENTITY_SELFTEST_H

/* At the start of the server, in the postmaster: never fails. */
extern void TokenSelfTest(void);

/* Raises when a known-answer test failed then. Whatever verifies or signs asks before. */
extern void TokenRequire(void);

#endif
