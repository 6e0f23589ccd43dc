/*
 * job.h
 *		One call of tarot.anonymize_table() and its kin: the tables, what becomes
 *		of their columns, and what stands in the way.
 */
#ifndef TAROT_ANONYMIZE_JOB_H
#define TAROT_ANONYMIZE_JOB_H

#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

#include "class/datum.h"
#include "column/shape.h"

typedef struct Shuffle Shuffle;
typedef struct Survivors Survivors;
typedef struct RowChecks RowChecks;

typedef enum Treatment
{
	TREAT_LEAVE,   /* it has no class */
	TREAT_KEEP,    /* it has one, and is to stay as it is */
	TREAT_MASK,    /* by its class */
	TREAT_SHUFFLE, /* its values change places */
	TREAT_COMPUTE, /* generated from other columns, and stored */
} Treatment;

/* A column of a named table, with those of the same name in its partitions and children. */
typedef struct ColumnTotals
{
	Oid table;
	NameData name;
	int number; /* among all of the job */
	Treatment treatment;
	int32 class_id; /* CLASS_NONE: none */
	bool allowed;   /* that raw values are still there */
	Shuffle *shuffle;

	int64 values;    /* not NULL, before */
	int64 unchanged; /* of these: the same after it */
	int64 nulled;    /* NULL after it, where it must not be */
	int64 found;     /* values of masked columns that are in this one after it */
} ColumnTotals;

/* How the search for raw values reads a column. */
typedef enum SearchForm
{
	SEARCH_NOT,
	SEARCH_BYTES,  /* text, bytea: what is in it */
	SEARCH_OUTPUT, /* other types whose values may contain texts: what they are printed as */
} SearchForm;

typedef struct JobColumn
{
	ColumnTotals *totals;
	AttrNumber number; /* in the table */
	AttrNumber target; /* where it is written */
	Treatment treatment;
	int16 length;
	bool by_value;
	bool not_null; /* after it */
	MaskedType *mask;
	SearchForm form;
	bool raw; /* its values must not be found any more */
	FmgrInfo output;
} JobColumn;

/* Where rows are written: the table itself, or a copy of one or more. */
typedef struct JobTarget
{
	Relation relation;
	Oid new_heap;  /* takes the place of its contents; InvalidOid: nothing is written */
	Relation heap; /* the same while it is written, or NULL */
	struct BulkInsertStateData *state;
	CommandId command;
	EState *estate;
	ResultRelInfo *result;
	TupleTableSlot *row;
	RowChecks *checks;
	bool computes; /* it has stored generated columns */
} JobTarget;

typedef struct JobTable
{
	Oid root; /* as it was named */
	Relation relation;
	int ncolumns;
	JobColumn *columns;
	JobTarget *target;
} JobTable;

typedef struct Job
{
	/* What was asked for */
	List *roots; /* OIDs */
	List *keep;  /* names of columns */
	List *shuffle;
	List *allow;
	bool verify;
	bool write;       /* false: only look what it would do */
	const char *copy; /* the name of a new table; NULL: in place */

	/* What it is */
	List *relations; /* OIDs of all in the trees of the roots, locked */
	List *tables;    /* of JobTable: those that have rows */
	List *targets;   /* of JobTarget */
	List *totals;    /* of ColumnTotals */
	Oid copy_oid;

	/* The same for queries: oid[]; and of changed columns oid[] and smallint[] */
	Datum all_relations;
	Datum changed_relations;
	Datum changed_numbers;
	Snapshot snapshot;
	MemoryContext context; /* of the passes */
	Survivors *survivors;  /* NULL: raw values are not searched for */

	/* What is in the way */
	List *problems; /* of JobProblem */
} Job;

typedef struct JobProblem
{
	const char *object;
	const char *problem;
	const char *hint; /* or NULL */
	bool error;       /* or a warning */
} JobProblem;

extern void
JobAddProblem(Job *job, bool error, const char *object, const char *problem, const char *hint);

/* "1 row would violate it", "2 rows would violate it" */
extern const char *JobCount(int64 count, const char *one, const char *many);

/* ---------------------------------------------------------------- plan.c */

extern const char *JobDescribeColumn(Oid table, const char *column);

/* Locks the tables, asks who may, and decides what becomes of each column. */
extern void JobPlan(Job *job);

/* Closes them; the locks stay. */
extern void JobClose(Job *job);

/* What is in the way that the catalogs tell. */
extern void JobCheckCatalogs(Job *job);

/* ---------------------------------------------------------------- pass.c */

/* Reads all rows, and writes them as they will be; notes what they tell against it. */
extern void JobRun(Job *job);

/* ---------------------------------------------------------------- finish.c */

/* New contents for old, without what the server remembers of these. */
extern void JobSwap(Job *job);

/* Raises unless the foreign keys on changed columns hold. */
extern void JobVerifyForeignKeys(Job *job);

/* ---------------------------------------------------------------- progress */

typedef enum JobPhase
{
	/* Phases up to here are the server's own, of CLUSTER. */
	PHASE_SHUFFLING = 100,
	PHASE_MASKING,
	PHASE_SEARCHING,
	PHASE_CONFIRMING,
	PHASE_FOREIGN_KEYS,
} JobPhase;

/* Stands where CLUSTER tells whether it is VACUUM FULL. */
#define PROGRESS_COMMAND_ANONYMIZE 100

extern void JobReport(JobPhase phase, Relation relation);
extern void JobReportRow(int64 rows);

#endif
