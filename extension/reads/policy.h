/*
 * policy.h
 *		Whose reads are on record: tables and classes, as tarot.audit_reads() and
 *		tarot.audit_class_reads() were told.
 */
#ifndef TAROT_READS_POLICY_H
#define TAROT_READS_POLICY_H

#include "postgres_ext.h"

/* A table of which something is on record when it is read. Good until it is looked up again. */
typedef struct ReadTable
{
	bool on_record;   /* whoever reads it, and whatever columns */
	bool has_classes; /* it has columns of classes that are on record */
	int natts;
	char *name;     /* with its schema */
	char **columns; /* names, by attribute number - 1; NULL: dropped */
	int32 *classes; /* CLASS_NONE: none */
	bool *gated;    /* its values pass the gate or a mask, which count what they show */
} ReadTable;

/* Grows when what is on record may have changed, and what it was when that was last read. */
extern uint64 ReadPolicyEpoch;
extern uint64 ReadPolicyKnown;

/* By the last reading nothing is. */
extern bool ReadPolicyIsEmpty;

extern bool ReadPolicyLook(void);

/* Whether anything is on record in this database: all that is asked where nothing is. */
static inline bool
ReadPolicyExists(void)
{
	return likely(ReadPolicyIsEmpty && ReadPolicyKnown == ReadPolicyEpoch) ? false
																		   : ReadPolicyLook();
}

/* NULL: nothing of it is. */
extern const ReadTable *ReadTableFind(Oid relation);

/* The name of a class whose reads are on record; NULL: they are not. */
extern const char *ReadClassName(int32 class_id);

/* Whether any class is. */
extern bool ReadPolicyHasClasses(void);

extern void ReadPolicyInit(void);

#endif
