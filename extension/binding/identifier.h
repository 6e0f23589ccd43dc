/*
 * identifier.h
 *		Ordinary values that say whose a sealed value is, as bytes that stay
 *		the same under all settings and in every version of PostgreSQL.
 */
#ifndef TAROT_BINDING_IDENTIFIER_H
#define TAROT_BINDING_IDENTIFIER_H

#include "base/bytes.h"

/*
 * How a type's values are written. The letter stands before them, so that no
 * two forms give the same bytes; docs/formats.md lists them, and none is ever
 * used again for something else.
 */
typedef enum IdentifierForm
{
	IDENTIFIER_NONE = 0,
	IDENTIFIER_INTEGER = 'i',
	IDENTIFIER_UUID = 'u',
	IDENTIFIER_TEXT = 't',
	IDENTIFIER_BYTEA = 'b',
	IDENTIFIER_DATE = 'd',
	IDENTIFIER_TIMESTAMPTZ = 'z',
	IDENTIFIER_NUMERIC = 'n',
} IdentifierForm;

/* Of a type, or of the one below a domain; IDENTIFIER_NONE where there is none. */
extern IdentifierForm IdentifierFormOfType(Oid type);

/* "integer", for messages and a trigger's arguments. */
extern const char *IdentifierFormName(IdentifierForm form);

/* The letter and the value's bytes, palloc'd. */
extern Bytes IdentifierOfDatum(Oid type, Datum value);

/*
 * A data subject as text, so that it can be named in a call, and is the same in
 * tables with other types of numbers: integers, uuid, text, numeric. In UTF-8;
 * palloc'd, or in the value.
 */
extern bool IdentifierNamesSubject(IdentifierForm form);
extern Bytes IdentifierAsSubject(Oid type, Datum value);

#endif
