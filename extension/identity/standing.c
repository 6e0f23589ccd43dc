/*
 * standing.c
 *		Whether the bearer of an authentic token is still welcome: revocations,
 *		and the status of principals.
 *
 * These tables change all day, so they have an epoch of their own: a logout
 * somewhere does not make every session read all policies anew.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/errors.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "events/event.h"
#include "identity/standing.h"

/* Columns of tarot.revoked_token and tarot.principal, as in standing.sql */
enum
{
	REVOKED_ISSUER = 1,
	REVOKED_TOKEN_ID = 2,
};

enum
{
	PRINCIPAL_SUBJECT = 1,
	PRINCIPAL_STATUS = 3,
	PRINCIPAL_ISSUED_BEFORE = 4,
};

uint64 StandingEpoch = 1;

/*
 * Most databases refuse nobody most of the time. A table without any block has
 * no row, in whatever snapshot: so it is known to be empty, until a change is
 * announced.
 */
typedef struct StandingTable
{
	const char *name;
	uint64 seen_in; /* the StandingEpoch in which it was looked at */
	bool empty;
} StandingTable;

static StandingTable revoked_token = {.name = "revoked_token"};
static StandingTable principal = {.name = "principal"};

/* NULL for a table that is empty. */
static Relation
open_unless_empty(StandingTable *table)
{
	uint64 epoch;
	Relation relation;

	/* Opening it would do that, too: what was committed during the statement counts. */
	AcceptInvalidationMessages();
	epoch = StandingEpoch;
	if (likely(table->seen_in == epoch && table->empty))
		return NULL;
	relation = CatalogOpenFor(table->name, AccessShareLock, &StandingEpoch);
	if (table->seen_in != epoch)
	{
		table->empty = RelationGetNumberOfBlocks(relation) == 0;
		table->seen_in = epoch;
	}
	if (!table->empty)
		return relation;
	table_close(relation, AccessShareLock);
	return NULL;
}

/* As the server writes it. A token for which that cannot be done was refused before. */
static Datum
text_key(Bytes utf8)
{
	Bytes text = Utf8ToServer(utf8);

	return PointerGetDatum(TextOfBytes(text));
}

static bool
is_revoked(const VerifiedToken *token)
{
	Datum id = text_key(token->id);
	Relation table = open_unless_empty(&revoked_token);
	ScanKeyData keys[2];
	SysScanDesc scan;
	bool found;

	if (table == NULL)
		return false;
	ScanKeyInit(&keys[0], REVOKED_ISSUER, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(token->issuer->name));
	ScanKeyInit(&keys[1], REVOKED_TOKEN_ID, BTEqualStrategyNumber, F_TEXTEQ, id);
	scan = CatalogScan(table, "revoked_token_pkey", lengthof(keys), keys);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

static Standing
standing_of_status(const char *status)
{
	if (strcmp(status, "active") == 0)
		return STANDING_GOOD;
	if (strcmp(status, "banned") == 0)
		return STANDING_BANNED;
	if (strcmp(status, "deleted") == 0)
		return STANDING_DELETED;
	return STANDING_SUSPENDED; /* that, or what only a newer version knows */
}

static Standing
standing_of_principal(const VerifiedToken *token)
{
	Datum subject = text_key(VerifySubject(token->issuer->subject_prefix, token->subject));
	Relation table = open_unless_empty(&principal);
	Standing standing = STANDING_GOOD;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	if (table == NULL)
		return STANDING_GOOD;
	ScanKeyInit(&key, PRINCIPAL_SUBJECT, BTEqualStrategyNumber, F_TEXTEQ, subject);
	scan = CatalogScan(table, "principal_pkey", 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		TupleDesc desc = RelationGetDescr(table);
		bool isnull;
		Datum status = heap_getattr(tuple, PRINCIPAL_STATUS, desc, &isnull);
		Datum issued_before = heap_getattr(tuple, PRINCIPAL_ISSUED_BEFORE, desc, &isnull);

		standing = standing_of_status(TextDatumGetCString(status));
		if (standing == STANDING_GOOD &&
			token->times.issued < IssuerMicros(DatumGetTimestampTz(issued_before)))
			standing = STANDING_TOKEN_REVOKED;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return standing;
}

static Standing
look_up_standing(const VerifiedToken *token)
{
	if (token->times.issued < token->issuer->issued_before ||
		(token->id.len > 0 && is_revoked(token)))
		return STANDING_TOKEN_REVOKED;
	return token->subject.len > 0 ? standing_of_principal(token) : STANDING_GOOD;
}

Standing
StandingOf(const VerifiedToken *token)
{
	uint64 epoch = StandingEpoch;
	Standing standing;

	if (token->good_in != NULL && *token->good_in == epoch)
		return STANDING_GOOD;
	standing = look_up_standing(token);
	if (token->good_in != NULL && standing == STANDING_GOOD)
		*token->good_in = epoch;
	return standing;
}

static const char *const names[] = {
	[STANDING_GOOD] = "valid",          [STANDING_TOKEN_REVOKED] = "revoked",
	[STANDING_SUSPENDED] = "suspended", [STANDING_BANNED] = "banned",
	[STANDING_DELETED] = "deleted",
};

const char *
StandingName(Standing standing)
{
	return names[standing];
}

static void
report_refusal(Standing standing, const VerifiedToken *token)
{
	Bytes subject = Utf8ToServer(VerifySubject(token->issuer->subject_prefix, token->subject));

	EventReportOnce(&(SecurityEvent){
		.type = "AUTHENTICATION",
		.action = "authenticate",
		.status = EVENT_DENIED,
		.user_id = subject.len > 0 ? pnstrdup((const char *) subject.data, subject.len) : NULL,
		.details = {{"reason", StandingName(standing)}, {"issuer", token->issuer->name}}});
}

void
StandingRequire(Standing standing, const VerifiedToken *token)
{
	if (likely(standing == STANDING_GOOD))
		return;
	report_refusal(standing, token);
	if (standing == STANDING_TOKEN_REVOKED)
		ereport(ERROR, (errcode(TAROT_ERRCODE_TOKEN_REVOKED), errmsg("the token was revoked")));
	ereport(ERROR, (errcode(TAROT_ERRCODE_PRINCIPAL),
					errmsg("the bearer of the token is %s", StandingName(standing))));
}
