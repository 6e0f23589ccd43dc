/*
 * search.h
 *		Comparing encrypted values by their search tags: in the executor and
 *		indexes (site.c, compare.c, operators.c, support.c), in the planner
 *		(rewrite.c, plan.c), for statistics (stats.c).
 */
#ifndef TAROT_SEARCH_SEARCH_H
#define TAROT_SEARCH_SEARCH_H

#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "utils/sortsupport.h"

#include "gate/counts.h"
#include "gate/search.h"

/*
 * What is looked for: class and tag of a value, without the value. It lives
 * in an expression while that is evaluated; whatever would show or store it takes it
 * for a malformed envelope, by its first byte.
 */
#define SEARCH_PROBE 0
#define SEARCH_PROBE_SIZE (1 + 1 + 4 + ENVELOPE_SEARCH_TAG_SIZE)

/* ---------------------------------------------------------------- site.c, compare.c */

/* What a call site has found out; zeroed at first, and kept in fn_extra. */
typedef struct SearchSite
{
	uint64 epoch;
	int32 class_id;
	DataClass *data_class; /* NULL: unknown in this database */
	int generation;        /* of the tags that count; 0: not known */
	AccessStamp
		allowed; /* under what `allowed_role` was last found to have access to `allowed_class` */
	int32 allowed_class;
	Oid allowed_role;
	GateCounts *counts; /* of these two */
	uint8 *given;       /* what was last compared with, and its tag in a class */
	size_t given_size;
	size_t given_room;
	int32 given_class;
	SearchTag given_tag;
	uint64 given_epoch;
	int kind; /* EnvelopeKind of a base type's probe; -1 until first needed */
	MemoryContext context;
} SearchSite;

extern void SearchSiteInit(SearchSite *site, MemoryContext context);

/* Raises: only for finding equal ones are they comparable. */
pg_noreturn extern void SearchRefuseOrder(void);

/* Raises: two classes have nothing in common. */
pg_noreturn extern void SearchRefuseClasses(int32 a, int32 b);

/* The tag's first 8 bytes, such that SearchCompare orders by them; raises without a class. */
extern uint64 SearchPrefix(SearchSite *site, Datum value);

/* The same of a stored tag; false where that would have to be made. */
extern bool SearchStoredPrefix(SearchSite *site, Datum value, uint64 *prefix);

/* ---------------------------------------------------------------- rewrite.c */

/* Whether the extension is in this database. */
extern bool SearchExists(void);

/*
 * Whether an expression is of an encrypted type, or a domain over one. Then its
 * class, CLASS_LITERAL where that is not known before it is evaluated.
 */
extern bool SearchIsEncrypted(Node *expression, int32 *class_id);
extern bool SearchIsEncryptedType(Oid type);

/* A query before it is planned: gives comparisons the shape that indexes know. */
extern void SearchRewriteQuery(Query *query);

/* One level of it again, when functions written in SQL have been inlined. */
extern void SearchRewriteInlined(Query *query);

/* ---------------------------------------------------------------- plan.c */

/* The classes that a statement being planned compares values of. */
typedef struct SearchPlanning
{
	struct SearchPlanning *outer;
	List *classes;
	const Query *inlined; /* the last one that was looked at again */
} SearchPlanning;

extern void SearchBeginPlanning(SearchPlanning *planning);
extern void SearchNoteClass(int32 class_id);
extern void SearchInlined(Query *query);
extern void SearchEndPlanning(SearchPlanning *planning, PlannedStmt *statement);
extern void SearchAbandonPlanning(SearchPlanning *planning);

/*
 * At the start of each execution, as the role that then is current: raises
 * unless it may search what the plan compares.
 */
extern void SearchCheckPlan(List *range_table);

/* Counts what a plan compares, each time that it runs, by the role that then is current. */
extern void SearchCountPlan(List *range_table);

/* Whether the current role may search a column. */
extern bool SearchMayCompareColumn(Oid relation, AttrNumber column);

/*
 * Stored values are compared with each other for constraints and replication
 * without asking: these tell nobody anything.
 */
extern bool SearchIsInternal(void);

#endif
