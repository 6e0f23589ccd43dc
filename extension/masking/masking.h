/*
 * masking.h
 *		Transparent masking: a query on a table with labelled columns sees what
 *		the role that runs it may see of them.
 *
 * Before a query is planned, each reference to such a column becomes a call of
 * tarot.masked(), which decides for each value; or stays as it is, where the
 * role may read the class plainly. The query no longer asks for the privilege
 * to select these columns, which mask_table() takes away from everybody: what
 * is not rewritten, whatever the reason, ends in "permission denied".
 */
#ifndef TAROT_MASKING_MASKING_H
#define TAROT_MASKING_MASKING_H

#include "nodes/parsenodes.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

#include "label/label.h"

/* ---------------------------------------------------------------- rewrite.c, plan.c */

/* What a plan that is being made depends on. */
typedef struct MaskingPlanning
{
	struct MaskingPlanning *outer;
	bool rewritten;   /* labels were looked for */
	bool labelled;    /* and found, in tables that are masked */
	bool hides;       /* some of their columns may be masked */
	bool cursor;      /* its rows may be fetched by another role */
	List *plain;      /* classes whose columns stayed as they are */
	List *searched;   /* and those that stayed where they are compared */
	List *written;    /* those of columns that are written */
	LabelTaken taken; /* columns that no privilege is asked for */
	struct
	{
		bool merge;
		bool hash;
		bool loop;
		bool material;
	} joins; /* which were enabled before */
} MaskingPlanning;

/* Rewrites a query in place; `text` is the source of the statement that it is of. */
extern void
MaskingRewriteQuery(MaskingPlanning *planning, Query *query, const char *text, int options);

extern void MaskingBeginPlanning(MaskingPlanning *planning);
extern void MaskingEndPlanning(MaskingPlanning *planning, PlannedStmt *statement);
extern void MaskingAbandonPlanning(MaskingPlanning *planning);

/*
 * Values that may be searched are not to be merged: rows would come in their
 * order, and counts of rows in EXPLAIN ANALYZE would tell what lies between.
 */
extern void MaskingForbidMerging(void);

/* At each execution, as the role that then is current: raises unless it may read what the plan
 * does. */
extern void MaskingCheckPlan(const PlannedStmt *statement);

/* Raises unless the current role may write values of a class to masked columns. */
extern void MaskingRequireWrite(int32 class_id);

/* Whether the planner must not look into the statistics of a column, which estimates would show. */
extern bool MaskingHidesStatistics(Oid relation, AttrNumber column);

/* Takes those over several columns away, likewise. */
extern void MaskingHideStatistics(Oid relation, RelOptInfo *info);

/*
 * Whether a query of the server's may read a column as the current role, or
 * rather has to go row by row.
 */
extern bool MaskingMayRead(Oid relation, AttrNumber column);

/* Whether a function must not become part of the query that calls it, behind our back. */
extern bool MaskingKeepsApart(Oid function);

/* ---------------------------------------------------------------- detail.c */

/* What runs while an error is raised, as far as the error does not tell. */
typedef struct MaskingRun
{
	const PlannedStmt *plan; /* or NULL */
	Oid refreshed;           /* the materialized view, or InvalidOid */
	Oid role;                /* that had this done */
} MaskingRun;

/* Whether the detail of an error tells values that the role may not read. */
extern bool MaskingHidesDetail(const ErrorData *error, const MaskingRun *run);

/* ---------------------------------------------------------------- statement.c */

typedef enum MaskingDestination
{
	MASKING_TO_CLIENT,
	MASKING_TO_COPY,   /* COPY TO: masks only where they are asked for */
	MASKING_TO_TABLE,  /* a new table or materialized view, which has no labels yet */
	MASKING_TO_REFRESH /* a materialized view */
} MaskingDestination;

/* Where the rows of the query in a utility statement go. */
typedef struct MaskingStatement
{
	struct MaskingStatement *outer;
	MaskingDestination destination;
	const char *text;
	Oid relation;           /* to be refreshed */
	LabelledTable *altered; /* by ALTER TABLE, as it was before; NULL: without labels */
} MaskingStatement;

extern void MaskingEnterStatement(MaskingStatement *statement, Node *utility, const char *text);

/* When it has come to its end without an error. */
extern void MaskingFinishStatement(const MaskingStatement *statement);
extern void MaskingLeaveStatement(MaskingStatement *statement);

/* The labels that a table had before the statement altered it, if it does. */
extern LabelledTable *MaskingLabelsBefore(Oid relation);

/* The statement whose own query is planned from this text, or NULL. */
extern const MaskingStatement *MaskingStatementOf(const char *text);

/* ---------------------------------------------------------------- copy.c */

/* COPY of a masked table TO somewhere as the COPY of a query, in a copy; else the same statement.
 */
extern CopyStmt *MaskingRewriteCopy(CopyStmt *statement);

/* Raises where COPY FROM would write a class that the role may not write. */
extern void MaskingCheckCopyFrom(const CopyStmt *statement);

extern void MaskingInit(void);

#endif
