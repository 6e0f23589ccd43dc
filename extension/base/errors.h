/*
 * errors.h
 *		SQLSTATEs of our own: class TS, for conditions that the standard and
 *		PostgreSQL have no code for. docs/reference.md lists them, with the
 *		comment before each; a code is never used again for something else.
 */
#ifndef TAROT_BASE_ERRORS_H
#define TAROT_BASE_ERRORS_H

/* TS0: the root key and the library */

/* The server has no root key: nothing can be sealed or opened until tarot.unlock(). */
#define TAROT_ERRCODE_LOCKED MAKE_SQLSTATE('T', 'S', '0', '0', '1')

/* None of the root keys that the provider gave is the one that wraps this database's keys. */
#define TAROT_ERRCODE_ROOT_KEY_MISMATCH MAKE_SQLSTATE('T', 'S', '0', '0', '2')

/* The provider gave no root key: it failed, took too long, or what it gave is no key. */
#define TAROT_ERRCODE_ROOT_KEY_UNAVAILABLE MAKE_SQLSTATE('T', 'S', '0', '0', '3')

/* The self-test at the start or a call of the cryptographic libraries failed. */
#define TAROT_ERRCODE_CRYPTO_FAILURE MAKE_SQLSTATE('T', 'S', '0', '0', '4')

/* TS1: envelopes */

/* These bytes are no envelope, or a truncated one, or hold another kind of value. */
#define TAROT_ERRCODE_MALFORMED_ENVELOPE MAKE_SQLSTATE('T', 'S', '1', '0', '1')

/* Wrong context, wrong key or changed bytes; or no such key in this database. */
#define TAROT_ERRCODE_CANNOT_OPEN MAKE_SQLSTATE('T', 'S', '1', '0', '2')

/* An envelope was written where plaintext is expected. */
#define TAROT_ERRCODE_UNEXPECTED_ENVELOPE MAKE_SQLSTATE('T', 'S', '1', '0', '3')

/* TS2: data keys */

/* The state of a key version forbids what was asked, or the step to another state. */
#define TAROT_ERRCODE_KEY_STATE MAKE_SQLSTATE('T', 'S', '2', '0', '1')

#endif
