/*
 * admin.c
 *		The C half of key administration: what must see key material, and what
 *		must hold whoever writes to the tables. The other half is keys.sql.
 */
#include "postgres.h"

#include <sodium.h>

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "storage/procarray.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/errors.h"
#include "base/secret.h"
#include "events/event.h"
#include "keys/admin.h"
#include "keys/data_key.h"
#include "keys/ring.h"
#include "keys/root.h"

#define MAX_USERS 16

static KeyUseCheck use_checks[MAX_USERS];
static int use_check_count;

void
KeyRegisterUse(KeyUseCheck check)
{
	if (use_check_count == MAX_USERS)
		elog(FATAL, "too many users of data keys");
	use_checks[use_check_count++] = check;
}

/* An argument that must be a bytea of a certain size. */
static const uint8 *
get_bytes(FunctionCallInfo fcinfo, int argument, size_t size)
{
	bytea *value = PG_GETARG_BYTEA_PP(argument);

	if (VARSIZE_ANY_EXHDR(value) != size)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument %d must have %zu bytes", argument + 1, size)));
	return (const uint8 *) VARDATA_ANY(value);
}

static bytea *
make_bytea(const void *data, size_t size)
{
	return (bytea *) cstring_to_text_with_len(data, (int) size);
}

static void
report_root_key(const char *action, const char *status)
{
	EventReport(&(SecurityEvent){.type = "ROOT_KEY", .action = action, .status = status});
}

/*
 * tarot.unlock() RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_keys_unlock);
Datum
tarot_keys_unlock(PG_FUNCTION_ARGS)
{
	uint8 fingerprint[ROOT_KEY_FINGERPRINT_SIZE];

	(void) fcinfo;
	PG_TRY();
	{
		RootKeyUnlock(KeyRingFingerprint(fingerprint) ? fingerprint : NULL, true);
	}
	PG_CATCH();
	{
		report_root_key("unlock", EVENT_FAILURE);
		PG_RE_THROW();
	}
	PG_END_TRY();
	report_root_key("unlock", EVENT_SUCCESS);
	PG_RETURN_VOID();
}

/*
 * tarot.lock() RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_keys_lock);
Datum
tarot_keys_lock(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	RootKeyLock();
	report_root_key("lock", EVENT_SUCCESS);
	PG_RETURN_VOID();
}

/*
 * tarot.root_key_state(OUT provider text, OUT unlocked boolean, OUT problem text,
 *                      OUT fingerprints bytea[]) RETURNS record
 */
PG_FUNCTION_INFO_V1(tarot_keys_root_key_state);
Datum
tarot_keys_root_key_state(PG_FUNCTION_ARGS)
{
	TupleDesc desc;
	Datum values[4] = {0};
	bool nulls[4] = {false, false, false, false};
	RootKeyProvider provider;
	char problem[PROBLEM_SIZE];
	uint8 fingerprints[ROOT_KEYS_MAX][ROOT_KEY_FINGERPRINT_SIZE];
	Datum items[ROOT_KEYS_MAX];
	int count;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	nulls[0] = !ProviderSelect(&provider, problem);
	if (!nulls[0])
		values[0] = CStringGetTextDatum(ProviderName(provider));
	values[1] = BoolGetDatum(RootKeyIsUnlocked());
	RootKeyProblem(problem);
	nulls[2] = problem[0] == '\0';
	if (!nulls[2])
		values[2] = CStringGetTextDatum(problem);
	count = RootKeyFingerprints(fingerprints);
	for (int i = 0; i < count; i++)
		items[i] = PointerGetDatum(make_bytea(fingerprints[i], ROOT_KEY_FINGERPRINT_SIZE));
	nulls[3] = count == 0;
	if (!nulls[3])
		values[3] =
			PointerGetDatum(construct_array(items, count, BYTEAOID, -1, false, TYPALIGN_INT));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * tarot.first_root_key() RETURNS bytea
 *
 * The fingerprint of the root key for a database that has no keys yet.
 */
PG_FUNCTION_INFO_V1(tarot_keys_first_root_key);
Datum
tarot_keys_first_root_key(PG_FUNCTION_ARGS)
{
	uint8 fingerprint[ROOT_KEY_FINGERPRINT_SIZE];

	(void) fcinfo;
	if (!RootKeyIsUnlocked())
		RootKeyGenerate(true);
	RootKeyCurrent(fingerprint);
	PG_RETURN_BYTEA_P(make_bytea(fingerprint, sizeof(fingerprint)));
}

/*
 * tarot.next_root_key(used bytea) RETURNS bytea
 *
 * The fingerprint of a current root key other than the one in use.
 */
PG_FUNCTION_INFO_V1(tarot_keys_next_root_key);
Datum
tarot_keys_next_root_key(PG_FUNCTION_ARGS)
{
	const uint8 *used = get_bytes(fcinfo, 0, ROOT_KEY_FINGERPRINT_SIZE);
	uint8 current[ROOT_KEY_FINGERPRINT_SIZE];

	/* What tarot.lock() locked, tarot.unlock() alone unlocks. */
	RootKeyRequire();
	RootKeyUnlock(used, false);
	RootKeyCurrent(current);
	if (memcmp(current, used, sizeof(current)) == 0)
	{
		RootKeyGenerate(false);
		RootKeyCurrent(current);
	}
	if (memcmp(current, used, sizeof(current)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the root key provider still gives the same root key"),
				 errhint("Let it give the new root key in the first line and the old one in the "
						 "second, then call tarot.rotate_root_key() again.")));
	PG_RETURN_BYTEA_P(make_bytea(current, sizeof(current)));
}

/*
 * tarot.new_data_key(ring_id bytea, root_key bytea, key_id integer, version integer)
 *     RETURNS bytea
 *
 * A random data key, wrapped.
 */
PG_FUNCTION_INFO_V1(tarot_keys_new_data_key);
Datum
tarot_keys_new_data_key(PG_FUNCTION_ARGS)
{
	const uint8 *ring_id = get_bytes(fcinfo, 0, RING_ID_SIZE);
	const uint8 *fingerprint = get_bytes(fcinfo, 1, ROOT_KEY_FINGERPRINT_SIZE);
	uint32 key_id = (uint32) PG_GETARG_INT32(2);
	uint32 version = (uint32) PG_GETARG_INT32(3);
	uint8 *volatile data_key = secret_alloc(DATA_KEY_SIZE);
	bytea *volatile wrapped = NULL;

	PG_TRY();
	{
		CryptoCheck(data_key == NULL ? CRYPTO_FAILED : CRYPTO_OK);
		randombytes_buf(data_key, DATA_KEY_SIZE);
		wrapped = DataKeyWrap(ring_id, fingerprint, key_id, version, data_key);
	}
	PG_FINALLY();
	{
		secret_free(data_key);
	}
	PG_END_TRY();
	PG_RETURN_BYTEA_P(wrapped);
}

/*
 * tarot.rewrap_data_key(ring_id bytea, old_root_key bytea, new_root_key bytea,
 *                       key_id integer, version integer, wrapped bytea) RETURNS bytea
 */
PG_FUNCTION_INFO_V1(tarot_keys_rewrap_data_key);
Datum
tarot_keys_rewrap_data_key(PG_FUNCTION_ARGS)
{
	const uint8 *ring_id = get_bytes(fcinfo, 0, RING_ID_SIZE);
	const uint8 *old_root_key = get_bytes(fcinfo, 1, ROOT_KEY_FINGERPRINT_SIZE);
	const uint8 *new_root_key = get_bytes(fcinfo, 2, ROOT_KEY_FINGERPRINT_SIZE);
	uint32 key_id = (uint32) PG_GETARG_INT32(3);
	uint32 version = (uint32) PG_GETARG_INT32(4);
	bytea *old_wrapped = PG_GETARG_BYTEA_PP(5);
	uint8 *volatile data_key = secret_alloc(DATA_KEY_SIZE);
	bytea *volatile wrapped = NULL;

	PG_TRY();
	{
		CryptoCheck(data_key == NULL ? CRYPTO_FAILED : CRYPTO_OK);
		DataKeyUnwrap(ring_id, old_root_key, key_id, version, old_wrapped, data_key);
		wrapped = DataKeyWrap(ring_id, new_root_key, key_id, version, data_key);
	}
	PG_FINALLY();
	{
		secret_free(data_key);
	}
	PG_END_TRY();
	PG_RETURN_BYTEA_P(wrapped);
}

/*
 * Values may have been sealed that no look into tables finds: in a table whose
 * creation is not committed, in a variable, in a temporary table. Whoever holds
 * one began before the version stopped sealing, so their ends are waited for,
 * as CREATE INDEX CONCURRENTLY does.
 */
static void
wait_for_transactions(void)
{
	int count;
	VirtualTransactionId *running =
		GetCurrentVirtualXIDs(InvalidTransactionId, false, false, 0, &count);

	for (int i = 0; i < count; i++)
		VirtualXactLock(running[i], true);
	pfree(running);
}

/*
 * tarot.check_key_unused(key_id integer, version integer) RETURNS void
 *
 * Raises when a value is known that this version sealed.
 */
PG_FUNCTION_INFO_V1(tarot_keys_check_key_unused);
Datum
tarot_keys_check_key_unused(PG_FUNCTION_ARGS)
{
	wait_for_transactions();
	for (int i = 0; i < use_check_count; i++)
		use_checks[i]((uint32) PG_GETARG_INT32(0), (uint32) PG_GETARG_INT32(1));
	PG_RETURN_VOID();
}

/* NIST SP 800-57 part 1 rev. 5, figure 5: one bit for each state that may follow. */
static const unsigned int transitions[] = {
	[KEY_PRE_ACTIVATION] = 1 << KEY_ACTIVE | 1 << KEY_COMPROMISED | 1 << KEY_DESTROYED,
	[KEY_ACTIVE] = 1 << KEY_SUSPENDED | 1 << KEY_DEACTIVATED | 1 << KEY_COMPROMISED,
	[KEY_SUSPENDED] = 1 << KEY_ACTIVE | 1 << KEY_DEACTIVATED | 1 << KEY_COMPROMISED,
	[KEY_DEACTIVATED] = 1 << KEY_COMPROMISED | 1 << KEY_DESTROYED,
	[KEY_COMPROMISED] = 1 << KEY_DESTROYED,
	[KEY_DESTROYED] = 0,
};

static char *
get_text(HeapTuple tuple, TupleDesc desc, const char *column)
{
	return SPI_getvalue(tuple, desc, SPI_fnumber(desc, column));
}

/*
 * tarot.guard_key_version() RETURNS trigger
 *
 * Before UPDATE on tarot.key_version, so that a wrong state is refused also
 * where somebody writes to the table directly.
 */
PG_FUNCTION_INFO_V1(tarot_keys_guard_key_version);
Datum
tarot_keys_guard_key_version(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc desc;
	char *old_name;
	char *new_name;
	KeyState old_state;
	KeyState new_state;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("tarot.guard_key_version() is a row trigger for UPDATE")));

	desc = RelationGetDescr(trigger->tg_relation);
	old_name = get_text(trigger->tg_trigtuple, desc, "state");
	new_name = get_text(trigger->tg_newtuple, desc, "state");
	old_state = KeyStateFromName(old_name);
	new_state = KeyStateFromName(new_name);

	if (old_state != new_state && (transitions[old_state] & (1U << new_state)) == 0)
		ereport(ERROR,
				(errcode(TAROT_ERRCODE_KEY_STATE),
				 errmsg("a key version cannot become %s after it was %s", new_name, old_name),
				 old_state == KEY_ACTIVE && new_state == KEY_DESTROYED
					 ? errhint("Deactivate it first: call tarot.rotate_key() or "
							   "tarot.set_key_state().")
					 : errhint("The states and their order are those of NIST SP 800-57.")));
	return PointerGetDatum(trigger->tg_newtuple);
}
