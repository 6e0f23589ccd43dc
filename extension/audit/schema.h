/*
 * schema.h
 *		Schemas whose new tables are audited.
 */
#ifndef TAROT_AUDIT_SCHEMA_H
#define TAROT_AUDIT_SCHEMA_H

#include "nodes/parsenodes.h"

/* After a statement that may have renamed a schema, or dropped some. */
extern void SchemaFollowStatement(Node *statement, bool any_dropped);

#endif
