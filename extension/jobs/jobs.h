/*
 * jobs.h
 *		Work at set times on tables of others, in batches that are transactions of
 *		their own, by the worker or by whoever calls tarot.run_due_jobs().
 */
#ifndef TAROT_JOBS_JOBS_H
#define TAROT_JOBS_JOBS_H

#include "nodes/parsenodes.h"
#include "utils/jsonb.h"

/*
 * A kind of job: two functions of schema tarot. The first says what the next batch
 * is: a statement, run as the table's owner, that returns one jsonb. The second
 * makes of that how far the job is. Both run as the owner of the extension.
 *
 *   plan(job text, relation oid, arguments jsonb, time_zone text, progress jsonb,
 *        careful boolean, OUT statement text, OUT progress jsonb[, OUT list text[]
 *        [, OUT before text]])
 *   finish(job text, progress jsonb, result jsonb, milliseconds double precision,
 *        OUT progress jsonb, OUT rows bigint, OUT skipped bigint, OUT done bigint,
 *        OUT total bigint, OUT summary jsonb, OUT again interval[, OUT alone text])
 *
 * "arguments" are those of tarot.job; how often in a row a batch took too long stands there
 * as "timeouts". "careful" is a second attempt, after the first one met what somebody had
 * locked. The plan of a job without a table has no statement. "list" is what the statement
 * has as $1: values that are not for the owner to know, whose code can see its text. "before"
 * is run before the statement, which has what it returns as $2, and its own snapshot: of what
 * others commit until then, as while a lock is waited for, it knows. It may be several statements,
 * each of which does.
 * The progress is NULL at the start of a run, and again at its end; then the
 * summary goes to the audit log, and the next run may be sooner than its time. Where it has
 * "unfinished" when a run is cancelled, the next one begins with that in place of NULL.
 *
 * "alone" is a statement that cannot be part of a transaction. Where the worker runs
 * the job, it is run after the batch as the table's owner, and the next batch has to
 * see what became of it. Where it failed, "alone_failed" is in the progress.
 */
typedef struct JobKind
{
	const char *name;
	const char *plan;
	const char *finish;
} JobKind;

/* For modules when the library is loaded; the kind must stay. */
extern void JobRegisterKind(const JobKind *kind);

/* Raises unless the current user owns the table, or, of none, the extension. */
extern void JobRequireOwner(Oid relation);

/*
 * Locks a job until the end of the transaction, after a batch of it that is under way, and
 * tells its table, or InvalidOid. Raises unless the current user may change it; false: it
 * does not exist. By SPI.
 */
extern bool JobLock(Datum job, Oid *relation);

/*
 * A query on our tables as the owner of the extension, by SPI, with a search_path
 * that is pinned.
 */
extern void JobExecute(const char *query, int nargs, Oid *types, Datum *values, const char *nulls);

/* What the statement returns, one jsonb, as the table's owner. Its $1 is the list, a text[], its $2
 * what the one before it has returned; or 0, for NULL. How far it came: JobReached. */
extern Datum JobExecuteAsOwner(Oid relation, const char *time_zone, const char *statement,
							   Datum list, Datum before);

/*
 * A condition on rows of the table, called t, as it reads with any search_path. Raises for
 * what is none.
 */
extern char *JobCondition(Oid relation, const char *text);

/*
 * In the UPDATE of a job's statement, calls of tarot.anonymized() that set a column to the mask of
 * its values get its class; `text` is the source of the statement that a query is of. Whoever
 * rewrites the query leaves the column within such a call as it is.
 */
extern void JobMaskColumns(Query *query, const char *text);
extern bool JobMasksColumn(Node *node);

/* An entry in the audit log, as the work of a role; of the relation, or of none. */
extern void JobPutOnRecord(Oid relation, Oid role, Jsonb *document);

/* Jobs were changed: the worker is to look when this is committed. */
extern void JobsChanged(void);

extern void JobsInit(void);

#endif
