/*
 * written.h
 *		Rows that queries write where statements should: superusers write to
 *		catalogs, and so can disable a trigger, to the log, and to the tree over
 *		it. Nobody else can.
 */
#ifndef TAROT_STATEMENTS_WRITTEN_H
#define TAROT_STATEMENTS_WRITTEN_H

#include "executor/execdesc.h"

/* A query has written rows: an entry for each such table. */
extern void AuditFinishRows(QueryDesc *query);

#endif
