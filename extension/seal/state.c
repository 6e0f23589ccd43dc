/*
 * state.c
 *		What the last sealing left.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/xid8.h"

#include "base/varlena.h"
#include "seal/state.h"

void
SealStateRead(SealState *state, bool fresh)
{
	bool isnull;
	int result;
	Bytes root;

	memset(state, 0, sizeof(*state));
	state->here = GetSystemIdentifier();
	result =
		SPI_execute("SELECT c.size, c.root, c.system, c.snapshot FROM tarot.audit_checkpoint c "
					"ORDER BY c.size DESC LIMIT 1",
					!fresh, 1);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "a query on tarot.audit_checkpoint failed: %s", SPI_result_code_string(result));
	if (SPI_processed == 0)
		return;
#define COLUMN(n) SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, (n), &isnull)
	state->size = (uint64) DatumGetInt64(COLUMN(1));
	root = BytesOfVarlena(PG_DETOAST_DATUM_PACKED(COLUMN(2)));
	if (root.len == sizeof(state->root))
		memcpy(&state->root, root.data, root.len);
	state->system = (uint64) DatumGetInt64(COLUMN(3));
	state->snapshot = PointerGetDatum(PG_DETOAST_DATUM_COPY(COLUMN(4)));
#undef COLUMN
	state->was_here = state->system == state->here;
	if (!state->was_here)
	{
		Oid types[] = {INT8OID};
		Datum values[] = {Int64GetDatum((int64) state->here)};

		result = SPI_execute_with_args("SELECT FROM tarot.audit_checkpoint c WHERE c.system "
									   "OPERATOR(pg_catalog.=) $1 LIMIT 1",
									   1, types, values, NULL, !fresh, 1);
		state->was_here = result == SPI_OK_SELECT && SPI_processed > 0;
	}
}

static bool
sees(Datum snapshot, const EntryId *id)
{
	return DatumGetBool(DirectFunctionCall2(
		pg_visible_in_snapshot,
		FullTransactionIdGetDatum(FullTransactionIdFromU64(id->transaction)), snapshot));
}

/* What is seen and has not committed. */
static bool
is_mine(const EntryId *id)
{
	FullTransactionId mine = GetTopFullTransactionIdIfAny();

	return FullTransactionIdIsValid(mine) && U64FromFullTransactionId(mine) == id->transaction;
}

EntryStanding
SealStateOf(const SealState *state, TileStore *tiles, Datum now, const EntryId *id)
{
	if (id->system == state->here && is_mine(id))
		return ENTRY_UNSEALED;
	if (id->system == state->here && !sees(now, id))
		return ENTRY_STRANGE; /* of a transaction that is still to come */
	if (state->size == 0)
		return ENTRY_UNSEALED;
	if (id->system == state->system)
		return sees(state->snapshot, id) ? ENTRY_COVERED : ENTRY_UNSEALED;

	/*
	 * A dump was restored, or pg_upgrade has run. The first sealing after that
	 * took what the other cluster had not sealed; nothing more can come from there.
	 */
	if (id->system != state->here)
		return ENTRY_COVERED;
	/* The first sealing here, but perhaps not the first time that we are here. */
	return state->was_here && TileFind(tiles, id) >= 0 ? ENTRY_COVERED : ENTRY_UNSEALED;
}
