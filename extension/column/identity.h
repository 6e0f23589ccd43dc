/*
 * identity.h
 *		Ordinary values that say whose a sealed value is, as bytes that stay
 *		the same under all settings and in every version of PostgreSQL.
 */
#ifndef TAROT_COLUMN_IDENTITY_H
#define TAROT_COLUMN_IDENTITY_H

#include "base/bytes.h"

/*
 * How a type's values are written. The letter stands before them, so that no
 * two forms give the same bytes; docs/formats.md lists them, and none is ever
 * used again for something else.
 */
typedef enum IdentityForm
{
	IDENTITY_NONE = 0,
	IDENTITY_INTEGER = 'i',
	IDENTITY_UUID = 'u',
	IDENTITY_TEXT = 't',
	IDENTITY_BYTEA = 'b',
	IDENTITY_DATE = 'd',
	IDENTITY_TIMESTAMPTZ = 'z',
	IDENTITY_NUMERIC = 'n',
} IdentityForm;

/* Of a type, or of the one below a domain; IDENTITY_NONE where there is none. */
extern IdentityForm IdentityFormOfType(Oid type);

/* "integer", for messages and a trigger's arguments. */
extern const char *IdentityFormName(IdentityForm form);

/* The letter and the value's bytes, palloc'd. */
extern Bytes IdentityOfDatum(Oid type, Datum value);

/*
 * A data subject as text, so that it can be named in a call, and is the same in
 * tables with other types of numbers: integers, uuid, text, numeric. In UTF-8;
 * palloc'd, or in the value.
 */
extern bool IdentityNamesSubject(IdentityForm form);
extern Bytes IdentityAsSubject(Oid type, Datum value);

#endif
