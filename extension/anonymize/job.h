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

#include "anonymize/sealed.h"
#include "anonymize/shuffle.h"
#include "anonymize/terms.h"
#include "values/datum.h"

typedef struct Survivors Survivors;
typedef struct RowChecks RowChecks;

typedef enum Treatment
{
	TREAT_LEAVE,   /* it has no class */
	TREAT_KEEP,    /* it has one, and is to stay as it is */
	TREAT_MASK,    /* by its class */
	TREAT_SHUFFLE, /* its values change places */
	TREAT_CLEAR,   /* to NULL */
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
	bool sealed;    /* it has the class by its type, which is encrypted */
	bool allowed;   /* that raw values are still there */
	bool copies;    /* its mask may show parts of a value as they are */

	int64 values;    /* not NULL, before */
	int64 unchanged; /* of these: the same after it */
	int64 nulled;    /* NULL after it, where it must not be */
	int64 found;     /* values of masked columns that are in this one after it */
} ColumnTotals;

/* Columns of a named table whose values are shuffled together: mostly it is one. */
typedef struct ShuffleUnit
{
	Oid table;
	List *columns; /* of ColumnTotals */
	Shuffle *shuffle;
	int64 alone; /* rows that keep their values, since no other is in their group */
} ShuffleUnit;

/* The same in one of its parts. */
typedef struct TableShuffle
{
	ShuffleUnit *unit;
	ShuffleColumns columns;
	ShuffleColumns within;
} TableShuffle;

typedef struct JobColumn
{
	ColumnTotals *totals;
	AttrNumber number; /* in the table */
	AttrNumber target; /* where it is written */
	Treatment treatment;
	int16 length;
	bool by_value;
	bool array;
	bool not_null; /* after it */
	MaskedType *mask;
	SealedColumn *sealed; /* instead of a mask, where it is encrypted */
	FmgrInfo *equal;      /* where values can be equal that are not alike; or NULL */
	Terms *raw;           /* of its values, which must not be found any more; or NULL */
	Terms *searched;      /* of what it is searched through for; or NULL */
	ShuffleUnit *unit;    /* with which it is shuffled */
	int place;            /* among its columns */
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
	List *shuffles; /* of TableShuffle */
	JobTarget *target;
} JobTable;

typedef struct Job
{
	/* What was asked for */
	List *roots; /* OIDs */
	List *keep;  /* names of columns, as strings */
	List *shuffle;
	List *together; /* of lists of names: columns that are shuffled together */
	List *within;   /* by which rows are grouped, in which columns are shuffled */
	List *clear;
	List *allow;
	bool verify;
	bool write;       /* false: only look what it would do */
	const char *copy; /* the name of a new table; NULL: in place */

	/* What it is */
	List *relations; /* OIDs of all in the trees of the roots, locked */
	List *tables;    /* of JobTable: those that have rows */
	List *targets;   /* of JobTarget */
	List *totals;    /* of ColumnTotals */
	List *units;     /* of ShuffleUnit */
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

/* Locks the tables, asks who may, and decides what becomes of each column. */
extern void JobPlan(Job *job);

/* Closes them; the locks stay. */
extern void JobClose(Job *job);

/* ---------------------------------------------------------------- units.c */

/* Decides which columns are shuffled with which others. */
extern void JobPlanShuffles(Job *job);

/* ---------------------------------------------------------------- obstacles.c */

extern const char *JobDescribeColumn(Oid table, const char *column);

/* What is in the way that the catalogs tell. */
extern void JobCheckCatalogs(Job *job);

/* ---------------------------------------------------------------- pass.c */

/* False for a partitioned table. */
extern bool JobHasRows(const JobTable *table);

typedef void (*RowVisitor)(Job *job, JobTable *table, TupleTableSlot *row);

/* The visitor runs in memory of the row. */
extern void
JobScanRows(Job *job, JobTable *table, Relation relation, Snapshot snapshot, RowVisitor visit);

/* Reads all rows, and writes them as they will be; notes what they tell against it. */
extern void JobRun(Job *job);

/* ---------------------------------------------------------------- search.c */

/* NULL where no raw value is looked for. */
extern Survivors *JobCreateSurvivors(const Job *job);

/* Remembers what is to be looked for of a raw value; and of one that was encrypted, and is open. */
extern void JobAddRaw(Job *job, const JobColumn *column, Datum value);
extern void JobAddOpened(Job *job, const JobColumn *column, Datum plain);

/* Searches the rows as they will be, and counts what is found in each column. */
extern void JobSearchSurvivors(Job *job);

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

#endif
