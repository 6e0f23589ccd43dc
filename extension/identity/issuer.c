/*
 * issuer.c
 *		Whose tokens are trusted: tarot.issuer as the C code knows it, with keys
 *		made ready.
 *
 * There are few issuers, so all are read together, anew when a policy table
 * changed. Keys are made ready when the first token of an issuer comes.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "identity/issuer.h"
#include "identity/selftest.h"
#include "keys/admin.h"
#include "keys/ring.h"
#include "keys/root.h"

/* Columns of tarot.issuer, as in issuer.sql */
enum
{
	ISSUER_NAME = 1,
	ISSUER_ISSUER = 2,
	ISSUER_AUDIENCE = 3,
	ISSUER_ALGORITHMS = 4,
	ISSUER_MAX_AGE = 5,
	ISSUER_LEEWAY = 6,
	ISSUER_SUBJECT_PREFIX = 7,
	ISSUER_DATABASE_ROLE_CLAIM = 8,
	ISSUER_DATABASE_ROLES = 9,
	ISSUER_ROLE_CLAIM = 10,
	ISSUER_ROLES = 11,
	ISSUER_DEFAULT_ROLES = 12,
	ISSUER_JWKS = 13,
	ISSUER_PRIVATE_KEY = 14,
	ISSUER_ISSUED_BEFORE = 15,
	ISSUER_CREATED_AT = 16,
};

/* The key of the ring that seals private keys and secrets of issuers. */
#define SEALING_KEY "default"

static MemoryContext issuers_context;
static List *issuers;
static uint64 issuers_epoch;
static uint64 issuers_generation; /* of the root key */

/* ---------------------------------------------------------------- private keys */

static void
private_key_context(const char *name, Bytes context[2])
{
	context[0] = bytes_of_string("issuer");
	context[1] = Utf8FromServer(bytes_of_string(name));
}

/* A JWK as text, palloc'd, with a zero byte behind it; to be wiped. */
static Bytes
open_private_key(const char *name, struct varlena *sealed)
{
	Bytes context[2];
	Envelope envelope;
	uint8 *plaintext;

	CryptoCheck(envelope_parse(BytesOfVarlena(sealed), &envelope));
	private_key_context(name, context);
	plaintext = palloc(envelope.ciphertext.len + 1);
	KeyRingOpen(&envelope, context, lengthof(context), plaintext);
	plaintext[envelope.ciphertext.len] = '\0';
	return bytes_view(plaintext, envelope.ciphertext.len);
}

static void
wipe(Bytes secret)
{
	secret_wipe((void *) secret.data, secret.len);
	pfree((void *) secret.data);
}

static bytea *
seal_private_key(const char *name, Bytes key)
{
	EnvelopeHeader header = {.kind = ENVELOPE_TEXT};
	Bytes context[2];
	uint32 key_id = KeyRingFind(bytes_of_string(SEALING_KEY));

	if (key_id == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this database has no keys yet"),
						errhint("Create the first one with tarot.create_key().")));
	private_key_context(name, context);
	return KeyRingSeal(KeyRingCurrent(key_id), &header, context, lengthof(context), key);
}

/*
 * tarot.seal_issuer_key(name text, private_key text) RETURNS bytea
 */
PG_FUNCTION_INFO_V1(tarot_identity_seal_issuer_key);
Datum
tarot_identity_seal_issuer_key(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	text *key = PG_GETARG_TEXT_PP(1);

	PG_RETURN_BYTEA_P(seal_private_key(name, Utf8FromServer(BytesOfVarlena(key))));
}

/*
 * tarot.reseal_issuer_key(name text, private_key bytea) RETURNS bytea
 *
 * No function opens one for SQL: who may administer may not take it elsewhere.
 */
PG_FUNCTION_INFO_V1(tarot_identity_reseal_issuer_key);
Datum
tarot_identity_reseal_issuer_key(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Bytes key = open_private_key(name, (struct varlena *) PG_GETARG_BYTEA_PP(1));
	bytea *sealed = seal_private_key(name, key);

	wipe(key);
	PG_RETURN_BYTEA_P(sealed);
}

/* ---------------------------------------------------------------- keys of an issuer */

static void
free_keys(void *argument)
{
	Issuer *issuer = argument;

	for (int i = 0; i < issuer->nkeys; i++)
		token_key_free(issuer->keys[i]);
	issuer->nkeys = 0;
	issuer->own_key = NULL;
	issuer->ready = false;
}

static TokenKeyStatus
add_public_keys(Issuer *issuer, Bytes jwks, int *where)
{
	JwkSet set;
	TokenKeyStatus status = jwk_set_read(jwks, &set, where);

	if (status != TOKEN_KEY_OK)
		return status;
	memcpy(issuer->keys, set.keys, sizeof(TokenKey *) * set.count);
	issuer->nkeys = set.count;
	return TOKEN_KEY_OK;
}

static TokenKeyStatus
add_own_key(Issuer *issuer, Bytes jwk)
{
	TokenKeyStatus status = jwk_read_secret(jwk, &issuer->own_key);

	if (status == TOKEN_KEY_OK)
		issuer->keys[issuer->nkeys++] = issuer->own_key;
	return status;
}

/* It was checked when it was written: what is wrong now was damaged, or is of a newer version. */
static void
require_key(const Issuer *issuer, TokenKeyStatus status)
{
	if (status != TOKEN_KEY_OK)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("the keys of issuer \"%s\" cannot be used", issuer->name),
						errdetail("One is %s.", token_key_status_text(status)),
						errhint("Give it others with tarot.alter_issuer().")));
}

void
IssuerRequireKeys(Issuer *issuer)
{
	int where;

	if (likely(issuer->ready))
		return;
	TokenRequire();
	free_keys(issuer);
	if (issuer->jwks != NULL)
		require_key(issuer, add_public_keys(issuer, bytes_of_string(issuer->jwks), &where));
	if (issuer->private_key != NULL)
	{
		Bytes key = open_private_key(issuer->name, issuer->private_key);
		TokenKeyStatus status = add_own_key(issuer, key);

		wipe(key);
		require_key(issuer, status);
	}
	issuer->ready = true;
}

/* ---------------------------------------------------------------- the table */

#define EPOCH_DISTANCE ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

int64
IssuerMicros(TimestampTz time)
{
	int64 micros;

	/* Infinity stays that, and the server's last 30 years, of which there is no count, become it.
	 */
	if (TIMESTAMP_NOT_FINITE(time) || pg_add_s64_overflow(time, EPOCH_DISTANCE, &micros))
		return time > 0 ? PG_INT64_MAX : PG_INT64_MIN;
	return micros;
}

TimestampTz
IssuerTimestamp(int64 micros)
{
	return micros - EPOCH_DISTANCE;
}

static Bytes
utf8_copy(Datum value)
{
	text *in = DatumGetTextPP(value);
	Bytes view = Utf8FromServer(BytesOfVarlena(in));
	uint8 *out = palloc(view.len + 1);

	memcpy(out, view.data, view.len);
	out[view.len] = '\0';
	return bytes_view(out, view.len);
}

static const char *
utf8_string(Datum value)
{
	return (const char *) utf8_copy(value).data;
}

/* An interval that tarot.put_issuer() has bounded, in microseconds; a month has 30 days. */
static int64
micros_of_interval(Datum value)
{
	Interval *interval = DatumGetIntervalP(value);

	return interval->time +
		   (interval->day + (int64) interval->month * DAYS_PER_MONTH) * USECS_PER_DAY;
}

static Bytes *
read_texts(Datum array, int *count)
{
	Bytes *texts;
	Datum *items;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &items, NULL,
					  count);
	texts = palloc(sizeof(Bytes) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		texts[i] = utf8_copy(items[i]);
	return texts;
}

static TokenAlgorithms
read_algorithms(Datum array)
{
	TokenAlgorithms algorithms = 0;
	Datum *items;
	int count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &items, NULL,
					  &count);
	for (int i = 0; i < count; i++)
	{
		text *name = DatumGetTextPP(items[i]);
		TokenAlgorithm algorithm;

		/* One that only a newer version knows is not accepted by this one. */
		if (token_algorithm_find(BytesOfVarlena(name), &algorithm))
			algorithms |= TOKEN_ALGORITHM_BIT(algorithm);
	}
	return algorithms;
}

static void
read_database_roles(Issuer *issuer, Datum array)
{
	Datum *items;

	deconstruct_array(DatumGetArrayTypeP(array), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &items,
					  NULL, &issuer->ndatabase_roles);
	issuer->database_roles = palloc(sizeof(char *) * Max(issuer->ndatabase_roles, 1));
	for (int i = 0; i < issuer->ndatabase_roles; i++)
		issuer->database_roles[i] = pstrdup(NameStr(*DatumGetName(items[i])));
}

static Issuer *
read_issuer(HeapTuple tuple, TupleDesc desc)
{
	Issuer *issuer = palloc0(sizeof(Issuer));
	Datum values[ISSUER_CREATED_AT];
	bool nulls[ISSUER_CREATED_AT];

	for (int i = 0; i < ISSUER_CREATED_AT; i++)
		values[i] = heap_getattr(tuple, i + 1, desc, &nulls[i]);
#define VALUE(column) values[(column) -1]
#define IS_NULL(column) nulls[(column) -1]
	issuer->name = text_to_cstring(DatumGetTextPP(VALUE(ISSUER_NAME)));
	issuer->created_at = IssuerMicros(DatumGetTimestampTz(VALUE(ISSUER_CREATED_AT)));
	issuer->policy.issuer = utf8_copy(VALUE(ISSUER_ISSUER));
	issuer->policy.audiences = read_texts(VALUE(ISSUER_AUDIENCE), &issuer->policy.naudiences);
	issuer->policy.algorithms = read_algorithms(VALUE(ISSUER_ALGORITHMS));
	issuer->policy.max_age = issuer->policy.max_lifetime =
		micros_of_interval(VALUE(ISSUER_MAX_AGE));
	issuer->policy.leeway = micros_of_interval(VALUE(ISSUER_LEEWAY));
	issuer->subject_prefix = utf8_copy(VALUE(ISSUER_SUBJECT_PREFIX));
	if (!IS_NULL(ISSUER_DATABASE_ROLE_CLAIM))
		issuer->database_role_claim = utf8_string(VALUE(ISSUER_DATABASE_ROLE_CLAIM));
	read_database_roles(issuer, VALUE(ISSUER_DATABASE_ROLES));
	if (!IS_NULL(ISSUER_ROLE_CLAIM))
		issuer->role_claim = utf8_string(VALUE(ISSUER_ROLE_CLAIM));
	issuer->roles = read_texts(VALUE(ISSUER_ROLES), &issuer->nroles);
	issuer->default_roles = read_texts(VALUE(ISSUER_DEFAULT_ROLES), &issuer->ndefault_roles);
	if (!IS_NULL(ISSUER_JWKS))
	{
		Jsonb *jwks = DatumGetJsonbP(VALUE(ISSUER_JWKS));
		char *text = JsonbToCString(NULL, &jwks->root, VARSIZE(jwks));

		issuer->jwks = (const char *) Utf8FromServer(bytes_of_string(text)).data;
	}
	if (!IS_NULL(ISSUER_PRIVATE_KEY))
		issuer->private_key = (struct varlena *) PG_DETOAST_DATUM_COPY(VALUE(ISSUER_PRIVATE_KEY));
	issuer->issued_before = IssuerMicros(DatumGetTimestampTz(VALUE(ISSUER_ISSUED_BEFORE)));
#undef VALUE
#undef IS_NULL
	return issuer;
}

static void
free_all_keys(void *argument)
{
	ListCell *cell;

	foreach (cell, (List *) argument)
		free_keys(lfirst(cell));
}

/* Into a context of its own, which takes the place of the old one when all is read. */
static void
read_issuers(void)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "tarot_security issuers", ALLOCSET_SMALL_SIZES);
	MemoryContext outer = MemoryContextSwitchTo(context);
	uint64 epoch = CatalogEpoch;
	Relation table = CatalogOpen("issuer", AccessShareLock);
	SysScanDesc scan = CatalogScan(table, "issuer_pkey", 0, NULL);
	List *found = NIL;
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = lappend(found, read_issuer(tuple, RelationGetDescr(table)));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	MemoryContextSwitchTo(outer);

	free_all_keys(issuers);
	if (issuers_context != NULL)
		MemoryContextDelete(issuers_context);
	MemoryContextSetParent(context, TopMemoryContext);
	issuers_context = context;
	issuers = found;
	issuers_epoch = epoch;
	issuers_generation = RootKeyGeneration();
}

void
IssuerForgetLocked(void)
{
	if (likely(issuers_generation == RootKeyGeneration()))
		return;
	free_all_keys(issuers);
	issuers_generation = RootKeyGeneration();
}

static List *
get_issuers(void)
{
	if (unlikely(issuers_epoch != CatalogEpoch))
		read_issuers();
	IssuerForgetLocked();
	return issuers;
}

Issuer *
IssuerOfTokens(Bytes iss)
{
	ListCell *cell;

	foreach (cell, get_issuers())
	{
		Issuer *issuer = lfirst(cell);

		if (issuer->policy.issuer.len == iss.len &&
			memcmp(issuer->policy.issuer.data, iss.data, iss.len) == 0)
			return issuer;
	}
	return NULL;
}

Issuer *
IssuerOfName(const char *name)
{
	ListCell *cell;

	foreach (cell, get_issuers())
	{
		Issuer *issuer = lfirst(cell);

		if (strcmp(issuer->name, name) == 0)
			return issuer;
	}
	return NULL;
}

/* ---------------------------------------------------------------- for issuer.sql */

pg_noreturn static void
refuse_key(const char *what, TokenKeyStatus status, int where)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s cannot be used", what),
					where < 0 ? errdetail("It is %s.", token_key_status_text(status))
							  : errdetail("Key %d of the set is %s.", where + 1,
										  token_key_status_text(status))));
}

static TokenAlgorithms
wanted_algorithms(FunctionCallInfo fcinfo, int argument)
{
	TokenAlgorithms wanted = 0;
	Datum *items;
	bool *nulls;
	int count;

	if (PG_ARGISNULL(argument))
		return TOKEN_ALGORITHMS_ALL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), TEXTOID, -1, false, TYPALIGN_INT, &items,
					  &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		TokenAlgorithm algorithm;

		if (nulls[i] ||
			!token_algorithm_find(bytes_of_string(TextDatumGetCString(items[i])), &algorithm))
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no such signature algorithm"),
				 errhint("Names are those of RFC 7518 and RFC 8037: HS256, RS256, PS256, ES256, "
						 "EdDSA and so on. \"none\" is none.")));
		wanted |= TOKEN_ALGORITHM_BIT(algorithm);
	}
	return wanted;
}

static Datum
algorithm_names(TokenAlgorithms algorithms)
{
	Datum names[TOKEN_ALGORITHM_COUNT];
	int count = 0;

	for (int i = 0; i < TOKEN_ALGORITHM_COUNT; i++)
	{
		if (algorithms & TOKEN_ALGORITHM_BIT(i))
			names[count++] = CStringGetTextDatum(token_algorithm((TokenAlgorithm) i)->name);
	}
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * tarot.check_issuer_keys(jwks text, name text, private_key bytea, algorithms text[]) RETURNS
 * text[]
 *
 * Raises unless the keys are good, and each algorithm has one; the algorithms,
 * all that the keys are for where none are given.
 */
PG_FUNCTION_INFO_V1(tarot_identity_check_issuer_keys);
Datum
tarot_identity_check_issuer_keys(PG_FUNCTION_ARGS)
{
	TokenAlgorithms wanted = wanted_algorithms(fcinfo, 3);
	TokenAlgorithms served = 0;
	TokenKeyStatus status = TOKEN_KEY_OK;
	Issuer issuer = {0};
	const char *what = "the key set";
	int where = -1;
	Bytes own = {0};

	/* What may raise comes first, for the keys are not freed by it. */
	TokenRequire();
	if (!PG_ARGISNULL(2))
		own = open_private_key(text_to_cstring(PG_GETARG_TEXT_PP(1)),
							   (struct varlena *) PG_GETARG_BYTEA_PP(2));
	if (!PG_ARGISNULL(0))
	{
		text *jwks = PG_GETARG_TEXT_PP(0);

		status = add_public_keys(&issuer, Utf8FromServer(BytesOfVarlena(jwks)), &where);
	}
	if (status == TOKEN_KEY_OK && own.data != NULL)
	{
		what = "the secret or signing key";
		where = -1;
		status = add_own_key(&issuer, own);
	}
	if (own.data != NULL)
		wipe(own);
	for (int i = 0; i < issuer.nkeys; i++)
		served |= token_key_algorithms(issuer.keys[i]);
	free_keys(&issuer);

	if (status != TOKEN_KEY_OK)
		refuse_key(what, status, where);
	if (PG_ARGISNULL(3))
		wanted = served;
	if (wanted == 0 || (wanted & ~served) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("an accepted algorithm has no key of the issuer"),
						errdetail("The keys are for %s.",
								  OidOutputFunctionCall(F_ARRAY_OUT, algorithm_names(served)))));
	PG_RETURN_DATUM(algorithm_names(wanted));
}

/* Secrets and private keys of issuers rest on versions of a key, too. */
static void
check_key_unused(uint32 key_id, uint32 version)
{
	ListCell *cell;

	/* Transactions were waited for, and what they did must count. */
	AcceptInvalidationMessages();
	foreach (cell, get_issuers())
	{
		const Issuer *issuer = lfirst(cell);
		struct varlena *sealed = issuer->private_key;
		EnvelopeHeader header;

		if (sealed == NULL || !envelope_peek(BytesOfVarlena(sealed), &header) ||
			header.key_id != key_id || header.key_version != version)
			continue;
		ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						errmsg("cannot destroy version %u of key \"%s\" because the private key of "
							   "issuer \"%s\" is sealed by it",
							   version, KeyRingName(key_id), issuer->name),
						errhint("Call tarot.alter_issuer(%s), which seals it anew.",
								quote_literal_cstr(issuer->name))));
	}
}

void
IssuerInit(void)
{
	KeyRegisterUse(check_key_unused);
}
