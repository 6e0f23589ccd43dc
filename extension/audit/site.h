/*
 * site.h
 *		What the entries of a table's changes have in common, kept from one
 *		statement to the next.
 */
#ifndef TAROT_AUDIT_SITE_H
#define TAROT_AUDIT_SITE_H

#include "utils/rel.h"
#include "utils/reltrigger.h"

#include "audit/document.h"

typedef struct AuditSite
{
	RowShape *shape;
	Datum name; /* EntryTableName() */
} AuditSite;

/*
 * For the statement that runs, and rows of the table as it is; as RowShapeMake(). The
 * current memory context must not outlive the transaction.
 */
extern const AuditSite *AuditSiteOf(Relation relation, const Trigger *trigger, bool keys);

extern void SiteInit(void);

#endif
