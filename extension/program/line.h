/*
 * line.h
 *		What stands in a line of tarot.export_audit(). Functions that return bool say whether
 *		it can be read.
 */
#ifndef TAROT_PROGRAM_LINE_H
#define TAROT_PROGRAM_LINE_H

#include "crypto/audit_leaf.h"
#include "token/json.h"

/* NULL: it is missing, or null. */
extern const JsonValue *line_member(const JsonValue *line, const char *name);

/* No data: it is missing, or null. */
extern bool line_text(const JsonValue *line, const char *name, Bytes *text);

/* Digits, as a number or a string, of 64 bits; a sign before them makes two's complement. */
extern bool line_number(const JsonValue *line, const char *name, uint64_t *number);

/* 32 bytes, or fewer where `size` is given. */
extern bool line_hex(Bytes text, uint8_t out[HASH_SIZE], size_t *size);

/* Its texts lie where the line's do. */
extern bool line_entry(const JsonValue *line, AuditLeaf *entry, uint8_t salt[HASH_SIZE]);

#endif
