/*
 * subjects.c
 *		What the rights of a data subject need that SQL cannot do: a statement with a table owner's
 *		rights and no more, a name for a subject that tells nobody whose it is, and an entry of the
 *log.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/rel.h"

#include "base/catalog.h"
#include "base/secret.h"
#include "base/settings.h"
#include "base/temporary.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "class/access.h"
#include "class/class.h"
#include "crypto/hash.h"
#include "keys/ring.h"
#include "keys/root.h"
#include "trail/entry.h"

/* The key that pseudonyms come from, and what tells them from all else that does. */
#define PSEUDONYM_KEY "default"
#define PSEUDONYM_PURPOSE "pseudonyms of data subjects"

/* As keyed masks have it: 128 bits. */
#define PSEUDONYM_SIZE 16

/* ---------------------------------------------------------------- where rows are */

/*
 * tarot.subject_registrations() RETURNS SETOF tarot.subject_table
 *
 * For everybody, as an export has the rights of its caller, who may read no table of ours.
 */
PG_FUNCTION_INFO_V1(tarot_subjects_subject_registrations);
Datum
tarot_subjects_subject_registrations(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;
	Relation table;
	SysScanDesc scan;
	HeapTuple tuple;

	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	table = CatalogOpen("subject_table", AccessShareLock);
	scan = CatalogScan(table, "subject_table_pkey", 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		tuplestore_puttuple(result->setResult, tuple);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return (Datum) 0;
}

/*
 * tarot.is_searchable(class text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_subjects_is_searchable);
Datum
tarot_subjects_is_searchable(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);
	DataClass *found = ClassFind(ClassIdOfName(BytesOfVarlena(name)));

	PG_RETURN_BOOL(found != NULL && found->searchable);
}

/* ---------------------------------------------------------------- as the owner */

/* The one row that a query gives: a document, or an array of what it counts. */
static Jsonb *
result_of_query(void)
{
	JsonbParseState *state = NULL;
	TupleDesc desc;
	bool isnull;

	if (SPI_processed != 1)
		elog(ERROR, "a statement on rows of a data subject gave " UINT64_FORMAT " rows",
			 SPI_processed);
	desc = SPI_tuptable->tupdesc;
	if (SPI_gettypeid(desc, 1) == JSONBOID)
	{
		Datum document = SPI_getbinval(SPI_tuptable->vals[0], desc, 1, &isnull);

		if (isnull)
			elog(ERROR, "a statement on rows of a data subject gave no document");
		return DatumGetJsonbP(document);
	}
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < desc->natts; i++)
	{
		JsonbValue number = {.type = jbvNumeric};
		Datum count = SPI_getbinval(SPI_tuptable->vals[0], desc, i + 1, &isnull);

		if (SPI_gettypeid(desc, i + 1) != INT8OID || isnull)
			elog(ERROR, "a statement on rows of a data subject gave no count");
		number.val.numeric = int64_to_numeric(DatumGetInt64(count));
		(void) pushJsonbValue(&state, WJB_ELEM, &number);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/*
 * tarot.run_as_owner(relation oid, statement text, subject text, list text[]) RETURNS jsonb
 *
 * What a statement brings along, as triggers and expressions of indexes, is code
 * of the table's owner: it runs with the owner's rights, and finds no way back to
 * ours. What row security would hide raises instead, for nothing must be forgotten.
 */
PG_FUNCTION_INFO_V1(tarot_subjects_run_as_owner);
Datum
tarot_subjects_run_as_owner(PG_FUNCTION_ARGS)
{
	Oid relation_id = PG_GETARG_OID(0);
	char *statement = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Oid types[] = {TEXTOID, TEXTARRAYOID};
	Datum values[] = {PG_GETARG_DATUM(2), PG_GETARG_DATUM(3)};
	MemoryContext outer = CurrentMemoryContext;
	Relation relation = relation_open(relation_id, AccessShareLock);
	Oid owner = relation->rd_rel->relowner;
	Jsonb *result;
	Oid user;
	int context;
	int guc_level;
	CommandId begin = TemporaryBegin();

	relation_close(relation, NoLock);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner, context | SECURITY_RESTRICTED_OPERATION);
	guc_level = SettingsPinSearchPath();
	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);

	SPI_connect();
	if (SPI_execute_with_args(statement, lengthof(types), types, values, NULL, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "a statement on rows of a data subject is none that counts");
	result = result_of_query();
	outer = MemoryContextSwitchTo(outer);
	result = DatumGetJsonbPCopy(PointerGetDatum(result));
	MemoryContextSwitchTo(outer);
	SPI_finish();

	AtEOXact_GUC(false, guc_level);
	SetUserIdAndSecContext(user, context);
	TemporaryEnd(begin);
	PG_RETURN_JSONB_P(result);
}

/*
 * tarot.end_deferral() RETURNS void
 *
 * In a restricted operation nothing can be deferred. What the transaction has
 * deferred already is done at once: by the role that would have at its end, and
 * not by the one whose rights the calling function lent it.
 */
PG_FUNCTION_INFO_V1(tarot_subjects_end_deferral);
Datum
tarot_subjects_end_deferral(PG_FUNCTION_ARGS)
{
	Oid user;
	int context;

	(void) fcinfo;
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(GetOuterUserId(), context | SECURITY_RESTRICTED_OPERATION);
	SPI_connect();
	if (SPI_execute("SET CONSTRAINTS ALL IMMEDIATE", false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "constraints could not be made immediate");
	SPI_finish();
	SetUserIdAndSecContext(user, context);
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- who it is */

/*
 * tarot.subject_pseudonym(subject text) RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_subjects_subject_pseudonym);
Datum
tarot_subjects_subject_pseudonym(PG_FUNCTION_ARGS)
{
	text *subject = PG_GETARG_TEXT_PP(0);
	Bytes message = Utf8FromServer(BytesOfVarlena(subject));
	uint32 key_id = KeyRingFind(bytes_of_string(PSEUDONYM_KEY));
	uint8 secret[HASH_SIZE];
	uint8 hash[HASH_SIZE];
	char hex[2 * PSEUDONYM_SIZE];
	CryptoStatus status;
	Hmac *hmac;

	if (key_id == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("there is no key \"%s\"", PSEUDONYM_KEY),
						errhint("The first call of tarot.create_key() makes it.")));
	KeyRingDerive(key_id, bytes_of_string(PSEUDONYM_PURPOSE), secret, sizeof(secret));
	hmac = hmac_create(bytes_view(secret, sizeof(secret)));
	secret_wipe(secret, sizeof(secret));
	CryptoCheck(hmac == NULL ? CRYPTO_FAILED : CRYPTO_OK);
	status = hmac_compute(hmac, &message, 1, hash);
	hmac_free(hmac);
	CryptoCheck(status);
	hex_encode((const char *) hash, PSEUDONYM_SIZE, hex);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(hex, sizeof(hex)));
}

/*
 * tarot.sight_of_class(class text) RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_subjects_sight_of_class);
Datum
tarot_subjects_sight_of_class(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);
	ClassRights rights = ClassAccessOf(ClassIdOfName(BytesOfVarlena(name)), GetUserId(), NULL);
	const char *sight = rights.read == READ_NONE     ? "none"
						: rights.read == READ_MASKED ? "masked"
													 : "plain";

	PG_RETURN_TEXT_P(cstring_to_text(sight));
}

/* ---------------------------------------------------------------- on record */

/*
 * tarot.record_erasure(document jsonb) RETURNS void
 *
 * An entry of the audit log, of the role that called and not of the one whose
 * rights the calling function lent it.
 */
PG_FUNCTION_INFO_V1(tarot_subjects_record_erasure);
Datum
tarot_subjects_record_erasure(PG_FUNCTION_ARGS)
{
	AuditEntry entry = {.operation = AUDIT_STATEMENT,
						.command = GetCurrentCommandId(false),
						.new_row = PG_GETARG_JSONB_P(0)};
	EntryWriter *writer;
	Oid user;
	int context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(GetOuterUserId(), context);
	writer = EntryWriterMakeFor(InvalidOid, NULL);
	SetUserIdAndSecContext(user, context);
	EntryWrite(writer, &entry);
	PG_RETURN_VOID();
}
