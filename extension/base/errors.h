/*
 * errors.h
 *		SQLSTATEs of our own: class TS, for conditions that the standard and
 *		PostgreSQL have no code for. docs/reference lists them; a code is never
 *		used again for something else.
 */
#ifndef TAROT_BASE_ERRORS_H
#define TAROT_BASE_ERRORS_H

/* TS0: the root key and the library */
#define TAROT_ERRCODE_LOCKED MAKE_SQLSTATE('T', 'S', '0', '0', '1')
#define TAROT_ERRCODE_ROOT_KEY_MISMATCH MAKE_SQLSTATE('T', 'S', '0', '0', '2')
#define TAROT_ERRCODE_ROOT_KEY_UNAVAILABLE MAKE_SQLSTATE('T', 'S', '0', '0', '3')
#define TAROT_ERRCODE_CRYPTO_FAILURE MAKE_SQLSTATE('T', 'S', '0', '0', '4')

/* TS1: envelopes */
#define TAROT_ERRCODE_MALFORMED_ENVELOPE MAKE_SQLSTATE('T', 'S', '1', '0', '1')
#define TAROT_ERRCODE_CANNOT_OPEN MAKE_SQLSTATE('T', 'S', '1', '0', '2')
#define TAROT_ERRCODE_UNEXPECTED_ENVELOPE MAKE_SQLSTATE('T', 'S', '1', '0', '3')

/* TS2: data keys */
#define TAROT_ERRCODE_KEY_STATE MAKE_SQLSTATE('T', 'S', '2', '0', '1')

#endif
