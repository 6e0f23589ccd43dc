/*
 * query.h
 *		A query and the queries within it, while they are rewritten.
 */
#ifndef TAROT_MASKING_QUERY_H
#define TAROT_MASKING_QUERY_H

#include "masking/masking.h"
#include "masking/site.h"

/* What a labelled column becomes in a query. */
typedef enum MaskedAs
{
	AS_VALUE, /* as it is */
	AS_SITE,  /* a call, with a use */
} MaskedAs;

typedef struct MaskedColumn
{
	int32 class_id; /* CLASS_NONE: not labelled, and as it is */
	MaskedAs as;
	SiteUse use;
	bool searchable; /* the role may compare values */
} MaskedColumn;

/* A masked table in a range table. */
typedef struct MaskedTable
{
	Oid relation;
	int natts;
	bool unprivileged; /* its labelled columns are read without a privilege on them */
	bool hides;        /* some are AS_SITE */
	MaskedColumn columns[FLEXIBLE_ARRAY_MEMBER];
} MaskedTable;

/* One level of a query. */
typedef struct MaskFrame
{
	struct MaskFrame *outer;
	Query *query;
	MaskedTable **tables; /* by number in the range table - 1; NULL: not masked */
	bool through_view;    /* of a masking view's definition */
	Oid view;             /* the masking view that this level defines, or changes rows of */
	bool is_definition;
	Index values_of; /* the table whose policies are looked at, which see its values */
} MaskFrame;

typedef struct MaskRewrite
{
	MaskingPlanning *planning;
	const MaskingStatement *statement;
	List *frames;
	MaskFrame *frame; /* where we are */
	bool in_quals;
} MaskRewrite;

extern MaskFrame *MaskFrameOf(MaskRewrite *rewrite, Query *query, MaskFrame *outer);

/* The masked table of an entry of this level, or NULL. */
extern MaskedTable *MaskedTableOf(MaskRewrite *rewrite, MaskFrame *frame, RangeTblEntry *entry);

/* view.c: whether a relation is a masking view. */
extern bool MaskViewIs(Oid relation);

/* The masking view that a subquery is the definition of; InvalidOid for other subqueries. */
extern Oid MaskViewDefinedBy(const RangeTblEntry *entry);

/*
 * The role whose privileges on a table of this level are asked for instead of
 * those of who runs the query; InvalidOid for none.
 */
extern Oid MaskViewReader(const MaskFrame *frame, Index number);

/*
 * conflict.c: raises where ON CONFLICT DO UPDATE would find the row that has a
 * value for who may not look for it. What it goes by stays as it is, so that
 * the index is found.
 */
extern void MaskCheckConflict(MaskRewrite *rewrite, const MaskFrame *frame);

/* stored.c: whether a relation has values of other tables' columns. */
extern bool MaskStoresValues(Oid relation, char kind);

/* Hides from a query on such those that who runs it may not read. */
extern void MaskStoredValues(Query *query);

/* write.c: what a statement may write where, and as what; before it is changed. */
extern void MaskStoredColumns(MaskRewrite *rewrite, MaskFrame *top);

/* follow.c: raises where ALTER TABLE would let who does it see values that they may not read. */
extern void MaskRequireConversion(const LabelledTable *table, const AlterTableStmt *statement);

/*
 * The same of a column that ALTER TABLE computes from others, `before` being
 * the labels that these had, and `class_id` the class of the column.
 */
extern void MaskCheckConversion(const LabelledTable *before, Node *expression, const char *column,
								int32 class_id, bool sealed);

#endif
