/*
 * note.h
 *		What a client's statement reads, until it is at its end: of each table and
 *		class, with whose rights.
 */
#ifndef TAROT_READS_NOTE_H
#define TAROT_READS_NOTE_H

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

#include "base/bytes.h"
#include "gate/counts.h"
#include "reads/policy.h"

/* Columns of a table. */
typedef struct ReadColumns
{
	Oid relation;
	char *table; /* its name */
	Bitmapset *numbers;
	List *names; /* char *, in the order of the table; NIL: not found yet */
	List *gated; /* of each its class, if its values are counted as they are shown; CLASS_NONE */
	bool all;    /* that the table has */
} ReadColumns;

typedef struct ReadNote
{
	Oid relation;   /* InvalidOid: of a class */
	int32 class_id; /* CLASS_NONE: of a table */
	char *class_name;
	Oid role;
	const char *action;
	uint64 identity; /* of whom, and what for: */
	uint64 purpose;
	Bytes subject;
	char *stated;       /* the purpose; NULL: none */
	List *columns;      /* ReadColumns *; of a table one */
	List *column_types; /* char *: classes of a table's columns */
	uint64 runs;        /* of plans that read it */
	uint64 rows;        /* that these gave, or changed */
	GateSeen seen;      /* of a class */
} ReadNote;

/* Grows when all are told: then those of before are no more. */
extern uint64 ReadNotesTold;

/*
 * Adds to what is read, and gives the notes that this makes or adds to: one of the
 * table, if its reads are on record, and of each such class of the columns.
 */
extern List *ReadNoteTable(Oid relation, const ReadTable *table, const Bitmapset *columns,
						   bool of_table, bool of_classes, const char *action, List *notes);

/*
 * Puts all on record that was noted and counted. Raises nothing and allocates nothing: also in a
 * transaction that fails.
 */
extern void ReadNotesTell(bool failed);

extern void ReadNotesInit(void);

#endif
