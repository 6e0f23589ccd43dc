/*
 * shape.h
 *		Where a type has encrypted values: itself, in the elements of an array,
 *		in the fields of a row.
 */
#ifndef TAROT_COLUMN_SHAPE_H
#define TAROT_COLUMN_SHAPE_H

#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "crypto/envelope.h"

typedef struct ColumnShape ColumnShape;

/* NULL for a type without encrypted values; domains are what they are over. */
extern ColumnShape *ColumnShapeOf(Oid type, int32 typmod);

/* By the columns of a relation: an array of its descriptor's size, or NULL if none has any. */
extern ColumnShape **ColumnShapesOf(Relation relation);

/*
 * Tables, materialized views and foreign tables with encrypted values: all of
 * the database (InvalidOid), or one with its partitions and children.
 */
extern List *ColumnTables(Oid root);

/* Whether one of them is declared with the class. */
extern bool ColumnShapeHasClass(const ColumnShape *shape, int32 class_id);

/* Adds the classes that they are declared with to a list of integers. */
extern List *ColumnShapeClasses(const ColumnShape *shape, List *classes);

/*
 * Calls the visitor with each encrypted value inside a value that is not NULL.
 * It gets a pointer that may be TOASTed, and gives it back, or another value to
 * stand in its place. The result is the same pointer if none was replaced.
 */
typedef Datum (*ColumnVisitor)(Datum envelope, void *argument);

extern Datum ColumnWalk(const ColumnShape *shape, Datum value, ColumnVisitor visit, void *argument);

/*
 * Reads a table as it was last committed: calls back with each value that is not
 * NULL of the columns that have a shape in the array, until it answers false. By
 * a scan and not by a query: no code of the table's owner runs.
 */
typedef bool (*ColumnReader)(const ColumnShape *shape, AttrNumber column, Datum value,
							 void *argument);

extern void ColumnScan(Relation relation, ColumnShape **shapes, ColumnReader read, void *argument);

/* Class, key and version of an encrypted value, without fetching the rest of a long one. */
extern bool ColumnPeek(Datum value, EnvelopeHeader *header);

#endif
