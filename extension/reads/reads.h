/*
 * reads.h
 *		Reads on record: of tables and classes that somebody has asked for, an event for
 *		each in a statement of the client's, however often functions in it read them.
 *
 * For hooks, which tell what runs. A plan is asked what it reads when it runs, not when it is made:
 * so it does not matter when that was. By then views, rules, row policies and functions that became
 * part of it stand in it, with the columns that privileges were asked for.
 */
#ifndef TAROT_READS_READS_H
#define TAROT_READS_READS_H

#include "access/sdir.h"
#include "executor/execdesc.h"
#include "nodes/parsenodes.h"

/* Something that runs; on the stack of who runs it. */
typedef struct ReadsFrame
{
	struct ReadsFrame *outer;
	const char *action; /* of all plans in it; NULL: each has its own */
	QueryDesc *query;   /* or NULL */
	uint64 rows;        /* of a statement without a plan */
	List *notes;
	uint64 told;         /* ReadNotesTold, when they were made */
	bool outer_internal; /* for the one who leaves */
} ReadsFrame;

/* A plan. May raise: then it was not entered. */
extern void ReadsEnterRun(ReadsFrame *frame, QueryDesc *query, ScanDirection direction);

/* Something else that may run plans: triggers, or a utility statement. */
extern void ReadsEnter(ReadsFrame *frame);

/* What a utility statement reads without a plan. May raise; has been entered. */
extern void ReadsEnterStatement(ReadsFrame *frame, Node *statement);

/* Whatever was entered is left, after an error, too. The outermost puts all on record. */
extern void ReadsLeave(ReadsFrame *frame, bool failed);

/* Around planning, in which functions may run. */
extern bool ReadsBeginPlanning(void);
extern void ReadsEndPlanning(bool before);

extern void ReadsInit(void);

#endif
