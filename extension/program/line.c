/*
 * line.c
 *		What stands in a line of tarot.export_audit().
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "program/line.h"

/* NULL: it is missing, or null. */
const JsonValue *
line_member(const JsonValue *line, const char *name)
{
	const JsonValue *value = json_member(line, name);

	return value == NULL || value->kind == JSON_NULL ? NULL : value;
}

bool
line_text(const JsonValue *line, const char *name, Bytes *text)
{
	static const uint8_t nothing[1];
	const JsonValue *value = line_member(line, name);

	*text = bytes_view(NULL, 0);
	if (value == NULL)
		return true;
	*text = value->text.len > 0 ? value->text : bytes_view(nothing, 0);
	return value->kind == JSON_STRING;
}

/* Digits, as a number or a string, of 64 bits; a sign before them makes two's complement. */
bool
line_number(const JsonValue *line, const char *name, uint64_t *number)
{
	const JsonValue *value = line_member(line, name);
	bool negative;
	size_t i;

	*number = 0;
	if (value == NULL || (value->kind != JSON_STRING && value->kind != JSON_NUMBER) ||
		value->text.len == 0)
		return false;
	negative = value->text.data[0] == '-';
	for (i = negative; i < value->text.len; i++)
	{
		uint8_t digit = (uint8_t) (value->text.data[i] - '0');

		if (digit > 9 || *number > (UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	if (negative)
		*number = 0 - *number;
	return i > negative;
}

/* 32 bytes, or fewer where `size` is given. */
bool
line_hex(Bytes text, uint8_t out[HASH_SIZE], size_t *size)
{
	size_t read;

	if (sodium_hex2bin(out, HASH_SIZE, (const char *) text.data, text.len, NULL, &read, NULL) != 0)
		return false;
	if (size == NULL)
		return read == HASH_SIZE;
	*size = read;
	return true;
}

/* Days from 2000-01-01 to a day of the Gregorian calendar: a year is taken to begin in March. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 730425;
}

/* 2026-01-02T03:04:05.678901Z */
static bool
read_time(Bytes text, int64_t *micros)
{
	unsigned year, month, day, hour, minute, second, fraction;
	char copy[32];
	int end = 0;

	if (text.len != 27)
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (sscanf(copy, "%4u-%2u-%2uT%2u:%2u:%2u.%6uZ%n", &year, &month, &day, &hour, &minute, &second,
			   &fraction, &end) != 7 ||
		end != 27)
		return false;
	*micros = (((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000000 +
			  fraction;
	return true;
}

bool
line_entry(const JsonValue *line, AuditLeaf *entry, uint8_t salt[HASH_SIZE])
{
	uint64_t number, statement, relation;
	Bytes time, operation, hex;
	size_t size = 0;

	if (!line_text(line, "recorded_at", &time) || !read_time(time, &entry->recorded_at) ||
		!line_number(line, "transaction", &entry->transaction) ||
		!line_number(line, "number", &number) || !line_number(line, "system", &entry->system) ||
		!line_number(line, "statement", &statement) || !line_number(line, "relation", &relation) ||
		relation > UINT32_MAX || !line_text(line, "operation", &operation) || operation.len != 1 ||
		!line_text(line, "table_name", &entry->table_name) ||
		!line_text(line, "role", &entry->role) ||
		!line_text(line, "session_role", &entry->session_role) ||
		!line_text(line, "subject", &entry->subject) ||
		!line_text(line, "client", &entry->client) ||
		!line_text(line, "application", &entry->application) ||
		!line_text(line, "key", &entry->key) || !line_text(line, "old", &entry->old_row) ||
		!line_text(line, "new", &entry->new_row) || !line_text(line, "salt", &hex) ||
		(hex.data != NULL && !line_hex(hex, salt, &size)))
		return false;
	entry->number = (int64_t) number;
	entry->statement = (int64_t) statement;
	entry->relation = (uint32_t) relation;
	entry->operation = operation.data[0];
	entry->salt = bytes_view(salt, size);
	return true;
}
