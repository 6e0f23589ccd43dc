/*
 * types.h
 *		The encrypted types: what each of them seals.
 */
#ifndef TAROT_COLUMN_TYPES_H
#define TAROT_COLUMN_TYPES_H

#include "fmgr.h"

#include "crypto/envelope.h"

/* A type that a cast takes besides the base type, and its own cast to that. */
typedef struct CastSource
{
	Oid type;
	PGFunction to_base;
} CastSource;

#define CAST_SOURCES_MAX 5

typedef struct EncryptedType
{
	const char *name; /* in schema tarot */
	EnvelopeKind kind;
	Oid base;
	PGFunction in;
	PGFunction out;
	PGFunction recv;
	PGFunction send;
	CastSource sources[CAST_SOURCES_MAX];
} EncryptedType;

/* By what an envelope says of itself; raises for a kind that no type seals. */
extern const EncryptedType *EncryptedTypeOfKind(EnvelopeKind kind);

/* By its name in schema tarot; NULL when that is none of ours. */
extern const EncryptedType *EncryptedTypeOfName(const char *name);

/*
 * By an SQL function's result type (argument -1) or the type of one of its
 * arguments; raises when that is none of ours. Remembered, so cheap to ask.
 */
extern const EncryptedType *EncryptedTypeOfFunction(Oid function, int argument);

/* Casts a value of an argument's type to the base type; NULL where it has that already. */
extern PGFunction EncryptedTypeCast(const EncryptedType *type, Oid function, int argument);

extern void EncryptedTypesInit(void);

#endif
