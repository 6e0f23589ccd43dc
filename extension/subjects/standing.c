/*
 * standing.c
 *		What row policies ask of a data subject: consents and restrictions.
 *
 * Read past SQL, so that who is asked about needs no privilege on the tables, and
 * as last committed: what was withdrawn does not count for an older snapshot either.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "fmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "base/catalog.h"

/* The columns of tarot.consent and tarot.subject_restriction that are asked for. */
#define CONSENT_SUBJECT 1
#define CONSENT_PURPOSE 2
#define CONSENT_WITHDRAWN_AT 7
#define RESTRICTION_SUBJECT 1
#define RESTRICTION_LIFTED_AT 5

/* Their changes make nothing stale that others keep. */
static uint64 consent_epoch;
static uint64 restriction_epoch;

/* Whether there is a row that has not ended; the index has no others, but it may be out of use. */
static bool
is_in_force(Relation table, const char *index, int nkeys, ScanKey keys, AttrNumber ended_at)
{
	SysScanDesc scan = CatalogScan(table, index, nkeys, keys);
	HeapTuple tuple;
	bool found = false;

	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = heap_attisnull(tuple, ended_at, RelationGetDescr(table));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

/*
 * tarot.has_consent(subject text, purpose text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_subjects_has_consent);
Datum
tarot_subjects_has_consent(PG_FUNCTION_ARGS)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], CONSENT_SUBJECT, BTEqualStrategyNumber, F_TEXTEQ, PG_GETARG_DATUM(0));
	ScanKeyInit(&keys[1], CONSENT_PURPOSE, BTEqualStrategyNumber, F_TEXTEQ, PG_GETARG_DATUM(1));
	PG_RETURN_BOOL(is_in_force(CatalogOpenFor("consent", AccessShareLock, &consent_epoch),
							   "consent_in_force", 2, keys, CONSENT_WITHDRAWN_AT));
}

/*
 * tarot.is_restricted(subject text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_subjects_is_restricted);
Datum
tarot_subjects_is_restricted(PG_FUNCTION_ARGS)
{
	ScanKeyData key;

	ScanKeyInit(&key, RESTRICTION_SUBJECT, BTEqualStrategyNumber, F_TEXTEQ, PG_GETARG_DATUM(0));
	PG_RETURN_BOOL(
		is_in_force(CatalogOpenFor("subject_restriction", AccessShareLock, &restriction_epoch),
					"subject_restriction_in_force", 1, &key, RESTRICTION_LIFTED_AT));
}
