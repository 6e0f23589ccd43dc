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

/* A self-test at the start or a call of the cryptographic libraries failed. */
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

/* TS3: identity */

/* A token of more than 16 kB. */
#define TAROT_ERRCODE_TOKEN_TOO_LARGE MAKE_SQLSTATE('T', 'S', '3', '0', '1')

/* A token that is not three parts of canonical base64url. */
#define TAROT_ERRCODE_TOKEN_MALFORMED MAKE_SQLSTATE('T', 'S', '3', '0', '2')

/* A token whose header is not the JSON it must be. */
#define TAROT_ERRCODE_TOKEN_HEADER MAKE_SQLSTATE('T', 'S', '3', '0', '3')

/* A token that asks for an extension: crit, b64 or zip. */
#define TAROT_ERRCODE_TOKEN_UNSUPPORTED MAKE_SQLSTATE('T', 'S', '3', '0', '4')

/* A token whose typ says that it is something else than a JWT. */
#define TAROT_ERRCODE_TOKEN_TYPE MAKE_SQLSTATE('T', 'S', '3', '0', '5')

/* A token signed by an algorithm that is none, unknown, or not accepted of its issuer. */
#define TAROT_ERRCODE_TOKEN_ALGORITHM MAKE_SQLSTATE('T', 'S', '3', '0', '6')

/* A token signed by a key that its issuer does not have here. */
#define TAROT_ERRCODE_TOKEN_KEY MAKE_SQLSTATE('T', 'S', '3', '0', '7')

/* A token whose signature is wrong. */
#define TAROT_ERRCODE_TOKEN_SIGNATURE MAKE_SQLSTATE('T', 'S', '3', '0', '8')

/* A token whose claims are not the JSON they must be, or name no issuer. */
#define TAROT_ERRCODE_TOKEN_CLAIMS MAKE_SQLSTATE('T', 'S', '3', '0', '9')

/* A token without exp or iat. */
#define TAROT_ERRCODE_TOKEN_CLAIM_MISSING MAKE_SQLSTATE('T', 'S', '3', '1', '0')

/* A token of an issuer that is not trusted. */
#define TAROT_ERRCODE_TOKEN_ISSUER MAKE_SQLSTATE('T', 'S', '3', '1', '1')

/* A token for another audience. */
#define TAROT_ERRCODE_TOKEN_AUDIENCE MAKE_SQLSTATE('T', 'S', '3', '1', '2')

/* A token that is valid for longer than its issuer's max_age. */
#define TAROT_ERRCODE_TOKEN_LIFETIME MAKE_SQLSTATE('T', 'S', '3', '1', '3')

/* A token that has expired. */
#define TAROT_ERRCODE_TOKEN_EXPIRED MAKE_SQLSTATE('T', 'S', '3', '1', '4')

/* A token that is not valid yet. */
#define TAROT_ERRCODE_TOKEN_NOT_YET_VALID MAKE_SQLSTATE('T', 'S', '3', '1', '5')

/* A token that was issued in the future. */
#define TAROT_ERRCODE_TOKEN_ISSUED_LATER MAKE_SQLSTATE('T', 'S', '3', '1', '6')

/* A token that was issued longer ago than its issuer's max_age. */
#define TAROT_ERRCODE_TOKEN_TOO_OLD MAKE_SQLSTATE('T', 'S', '3', '1', '7')

/* A token that was revoked. */
#define TAROT_ERRCODE_TOKEN_REVOKED MAKE_SQLSTATE('T', 'S', '3', '1', '8')

/* A token of somebody who is suspended, banned or deleted. */
#define TAROT_ERRCODE_PRINCIPAL MAKE_SQLSTATE('T', 'S', '3', '1', '9')

/* TS4: data classes */

/* Values of a data class were asked for that shows them for a stated purpose alone: none, or
 * another one, is stated. */
#define TAROT_ERRCODE_PURPOSE MAKE_SQLSTATE('T', 'S', '4', '0', '1')

/* No error: the line of the server log that tells of revealed values, or of break-glass. */
#define TAROT_ERRCODE_ACCESS_NOTED MAKE_SQLSTATE('T', 'S', '4', '0', '2')

/* TS5: the audit log */

/* The hash tree of the audit log is not what its checkpoints say. */
#define TAROT_ERRCODE_AUDIT_TREE MAKE_SQLSTATE('T', 'S', '5', '0', '1')

/* TS6: jobs */

/* A batch took longer than tarot_security.job_timeout, and was taken back. */
#define TAROT_ERRCODE_JOB_TIMEOUT MAKE_SQLSTATE('T', 'S', '6', '0', '1')

/* The session that did a batch ended before it did: it was terminated or cancelled, or the server
 * crashed. */
#define TAROT_ERRCODE_JOB_DIED MAKE_SQLSTATE('T', 'S', '6', '0', '2')

/* The table of a job has another owner, who has not agreed to it by tarot.resume_job(). */
#define TAROT_ERRCODE_JOB_OWNER MAKE_SQLSTATE('T', 'S', '6', '0', '3')

#endif
