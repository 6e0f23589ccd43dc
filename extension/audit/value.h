/*
 * value.h
 *		Values of SQL types as they stand in a JSON document of the audit log,
 *		whatever the session's settings are.
 */
#ifndef TAROT_AUDIT_VALUE_H
#define TAROT_AUDIT_VALUE_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* How values of a type are written. */
typedef struct AuditValue AuditValue;

/* In the current memory context. */
extern AuditValue *AuditValueOfType(Oid type);

/*
 * Appends a value, for a varlena one that is not out of line, in the form that
 * jsonb has on disk; returns the type of its JEntry.
 */
extern uint32 AuditPutValue(StringInfo out, AuditValue *type, Datum value);
extern uint32 AuditPutInteger(StringInfo out, int64 value);

/*
 * An object of jsonb, written in order: all names, as jsonb sorts them, then all
 * values. Names and values are appended by the caller, AuditObjectValue tells
 * that one is there.
 */
typedef struct AuditObject
{
	StringInfo out;
	int entries; /* where they begin in it, and what they are about */
	int data;
	int number; /* of the next entry */
	int end;    /* of the one before it */
} AuditObject;

extern void AuditObjectBegin(AuditObject *object, StringInfo out, int count);
extern void AuditObjectValue(AuditObject *object, uint32 type);

static inline void
AuditObjectName(AuditObject *object, const char *name, int size)
{
	appendBinaryStringInfo(object->out, name, size);
	AuditObjectValue(object, JENTRY_ISSTRING);
}

/* Before what is aligned: numbers, and objects in objects. */
static inline void
AuditAlign(StringInfo out)
{
	while (out->len % ALIGNOF_INT != 0)
		appendStringInfoCharMacro(out, '\0');
}

#endif
