/*
 * catalog.h
 *		Our own tables as the C code reads them: without SPI, without asking
 *		privileges, always as last committed, and cached until they change.
 */
#ifndef TAROT_BASE_CATALOG_H
#define TAROT_BASE_CATALOG_H

#include "access/genam.h"
#include "utils/rel.h"

/*
 * Grows whenever a policy table of ours or a role membership changed, in any
 * session. What was derived from them under another epoch is asked again.
 */
extern uint64 CatalogEpoch;

/* The schema of the extension; InvalidOid where it is not in this database. */
extern Oid CatalogSchema(void);

/* Whether the extension is in this database. */
extern bool CatalogExists(void);

/* Whether it was when that was last asked; for when nothing can be read. */
extern bool CatalogWasThere(void);

/* Opens schema tarot's table of this name, or raises that the extension is missing. */
extern Relation CatalogOpen(const char *table, LOCKMODE lockmode);

/* The same of a table that changes often, and has an epoch of its own instead of CatalogEpoch. */
extern Relation CatalogOpenFor(const char *table, LOCKMODE lockmode, uint64 *epoch);

/* The same; NULL where the extension is not there. */
extern Relation CatalogTryOpenFor(const char *table, LOCKMODE lockmode, uint64 *epoch);

/*
 * Scans by the leading columns of an index, named without schema. A snapshot
 * of its own, so a revoke counts also in a REPEATABLE READ transaction.
 */
extern SysScanDesc CatalogScan(Relation table, const char *index, int nkeys, ScanKey keys);

/*
 * How deep this extension is in writing to tables that nobody else is to write to: then hooks take
 * it for nobody's statement. Whoever adds one takes it off, after an error, too.
 */
extern int CatalogOwnWrites;

/* Called as a trigger after each change of a policy table; NULL: by nobody. */
extern void (*CatalogChanged)(FunctionCallInfo fcinfo);

extern void CatalogInit(void);

#endif
