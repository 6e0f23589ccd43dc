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
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/errors.h"
#include "base/utf8.h"
#include "identity/standing.h"

/* Columns of tarot.revoked_token, tarot.token_cutoff and tarot.principal, as in standing.sql */
enum
{
	REVOKED_ISSUER = 1,
	REVOKED_TOKEN_ID = 2,
};

enum
{
	CUTOFF_KIND = 1,
	CUTOFF_NAME = 2,
	CUTOFF_ISSUED_BEFORE = 3,
};

enum
{
	PRINCIPAL_SUBJECT = 1,
	PRINCIPAL_STATUS = 3,
};

uint64 StandingEpoch = 1;

/*
 * As the server writes it. What has no spelling there could be in no table, and
 * nobody could ever be refused by it: it raises.
 */
static Datum
text_key(Bytes utf8)
{
	Bytes text = Utf8ToServer(utf8);

	return PointerGetDatum(cstring_to_text_with_len((const char *) text.data, (int) text.len));
}

/* One attribute of the row that an index finds by its columns from the first on; false without one.
 */
static bool
look_up(const char *table_name, const char *index, const Datum *keys, int nkeys,
		AttrNumber attribute, Datum *value)
{
	Relation table = CatalogOpenFor(table_name, AccessShareLock, &StandingEpoch);
	ScanKeyData scan_keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found;

	for (int i = 0; i < nkeys; i++)
		ScanKeyInit(&scan_keys[i], (AttrNumber) (i + 1), BTEqualStrategyNumber, F_TEXTEQ, keys[i]);
	scan = CatalogScan(table, index, nkeys, scan_keys);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found && value != NULL)
	{
		Form_pg_attribute form = TupleDescAttr(RelationGetDescr(table), attribute - 1);
		bool isnull;
		Datum stored = heap_getattr(tuple, attribute, RelationGetDescr(table), &isnull);

		*value = datumCopy(stored, form->attbyval, form->attlen);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

Bytes
StandingSubject(const VerifiedToken *token)
{
	Bytes prefix = token->issuer->subject_prefix;
	uint8 *subject;

	if (token->subject.len == 0)
		return token->subject;
	subject = palloc(prefix.len + token->subject.len);
	memcpy(subject, prefix.data, prefix.len);
	memcpy(subject + prefix.len, token->subject.data, token->subject.len);
	return bytes_view(subject, prefix.len + token->subject.len);
}

static bool
is_cut_off(const char *kind, Datum name, const VerifiedToken *token)
{
	Datum keys[] = {CStringGetTextDatum(kind), name};
	Datum before;

	return look_up("token_cutoff", "token_cutoff_pkey", keys, lengthof(keys), CUTOFF_ISSUED_BEFORE,
				   &before) &&
		   token->times.issued < VerifyMicros(DatumGetTimestampTz(before));
}

static Standing
standing_of_principal(Datum subject)
{
	Datum status;
	char *name;

	if (!look_up("principal", "principal_pkey", &subject, 1, PRINCIPAL_STATUS, &status))
		return STANDING_GOOD;
	name = TextDatumGetCString(status);
	if (strcmp(name, "active") == 0)
		return STANDING_GOOD;
	if (strcmp(name, "banned") == 0)
		return STANDING_BANNED;
	if (strcmp(name, "deleted") == 0)
		return STANDING_DELETED;
	return STANDING_SUSPENDED; /* that, or what only a newer version knows */
}

static Standing
look_up_standing(const VerifiedToken *token)
{
	Datum issuer = CStringGetTextDatum(token->issuer->name);
	Bytes subject = StandingSubject(token);

	if (token->id.len > 0)
	{
		Datum keys[] = {issuer, text_key(token->id)};

		if (look_up("revoked_token", "revoked_token_pkey", keys, lengthof(keys), REVOKED_TOKEN_ID,
					NULL))
			return STANDING_TOKEN_REVOKED;
	}
	if (is_cut_off("issuer", issuer, token))
		return STANDING_TOKEN_REVOKED;
	if (subject.len == 0)
		return STANDING_GOOD;
	if (is_cut_off("subject", text_key(subject), token))
		return STANDING_TOKEN_REVOKED;
	return standing_of_principal(text_key(subject));
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

void
StandingRequire(Standing standing)
{
	if (likely(standing == STANDING_GOOD))
		return;
	if (standing == STANDING_TOKEN_REVOKED)
		ereport(ERROR, (errcode(TAROT_ERRCODE_TOKEN_REVOKED), errmsg("the token was revoked")));
	ereport(ERROR, (errcode(TAROT_ERRCODE_PRINCIPAL),
					errmsg("the bearer of the token is %s", StandingName(standing))));
}
