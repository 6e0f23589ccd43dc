/*
 * export.c
 *		What there is of a data subject, line by line: a row is read when its line is asked for.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/resowner.h"

#include "base/bytes.h"
#include "events/event.h"
#include "trail/who.h"

/* Rows are read one by one at first, so that a line is soon there, and some at once where they are
 * small: so much, and so many. */
#define BATCH_BYTES 65536
#define BATCH_ROWS 64

/*
 * Where an export is. Between two lines nothing of ours is on the stack: the rows of a table are
 * read by a portal, which is closed when no more lines are asked for.
 */
typedef struct Export
{
	MemoryContext context; /* of this */

	/* Who began it. */
	Oid role;
	Oid session_role;
	uint64 identity; /* IdentityEpoch, when it was last the same */
	char *bearer;

	Datum subject; /* text; 0: none was given */
	Oid *tables;
	int table_count;
	int table;       /* how many were begun */
	Datum described; /* jsonb: columns of the one that is read */
	Datum missing;   /* jsonb: what is not shown so far */
	char *portal;    /* the name of what reads its rows; NULL: nothing does */
	bool read;       /* its rows were to be read */
	uint64 rows;     /* so many were */

	MemoryContext line_context;
	Datum lines[BATCH_ROWS];
	int line_count;
	int line;
	int batch; /* how many rows are read at once */
	bool begun;
	bool done;
} Export;

/* ---------------------------------------------------------------- asking */

/* The one row of a query on the export's values: $1 the subject, $2 the table at hand, $3 what is
 * missing, $4 what was described, $5 how many rows there were, $6 whether there were to be any. */
static HeapTuple
ask(const Export *export, const char *query)
{
	Oid types[] = {TEXTOID, OIDOID, JSONBOID, JSONBOID, INT8OID, BOOLOID};
	Oid table = export->table > 0 ? export->tables[export->table - 1] : InvalidOid;
	Datum values[] = {export->subject,   ObjectIdGetDatum(table),     export->missing,
					  export->described, Int64GetDatum(export->rows), BoolGetDatum(export->read)};
	char nulls[] = {export->subject == 0 ? 'n' : ' ',   ' ', ' ',
					export->described == 0 ? 'n' : ' ', ' ', ' '};

	if (SPI_execute_with_args(query, lengthof(types), types, values, nulls, true, 0) !=
			SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "an export is not told what it asks for");
	return SPI_tuptable->vals[0];
}

/* In a memory context; 0 for NULL. */
static Datum
copy_of(HeapTuple tuple, int column, MemoryContext context)
{
	bool isnull;
	Datum value = SPI_getbinval(tuple, SPI_tuptable->tupdesc, column, &isnull);
	MemoryContext outer;

	if (isnull)
		return (Datum) 0;
	outer = MemoryContextSwitchTo(context);
	value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	MemoryContextSwitchTo(outer);
	return value;
}

static void
add_line(Export *export, HeapTuple tuple)
{
	export->lines[export->line_count++] = copy_of(tuple, 1, export->line_context);
}

/* ---------------------------------------------------------------- the rows of a table */

static void
open_rows(Export *export, const char *query)
{
	Oid types[] = {TEXTOID};
	Datum values[] = {export->subject};
	Portal portal = SPI_cursor_open_with_args(NULL, query, 1, types, values, NULL, true, 0);

	export->portal = MemoryContextStrdup(export->context, portal->name);
	export->batch = 1;
}

/*
 * Where a loop over a cursor commits or rolls back, the server goes through all portals and reads
 * each of such loops to the end (HoldPinnedPortals). The one that it has in hand to go on with must
 * not be dropped meanwhile.
 */
static bool
portals_are_gone_through(void)
{
	return ActivePortal != NULL && ActivePortal->portalPinned && ActivePortal->holdStore != NULL;
}

/* What is not closed here the end of the transaction, which is near, does. */
static void
close_rows(Export *export)
{
	Portal portal = SPI_cursor_find(export->portal);

	if (portal != NULL && !portals_are_gone_through())
		SPI_cursor_close(portal);
	pfree(export->portal);
	export->portal = NULL;
}

static void
require_at_hand(bool is)
{
	if (!is)
		ereport(ERROR, (errcode(ERRCODE_INVALID_CURSOR_STATE),
						errmsg("the rows of the export are no longer at hand")));
}

/* No line: that were all. Who asks for lines can have closed what reads the rows, and opened
 * something else by that name. */
static void
fetch_rows(Export *export, const char *unused)
{
	Portal portal = SPI_cursor_find(export->portal);
	Size size = 0;

	(void) unused;
	require_at_hand(portal != NULL);
	SPI_cursor_fetch(portal, true, export->batch);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		require_at_hand(SPI_gettypeid(SPI_tuptable->tupdesc, 1) == TEXTOID);
		add_line(export, SPI_tuptable->vals[i]);
		require_at_hand(export->lines[i] != 0);
		size += VARSIZE(DatumGetPointer(export->lines[i]));
	}
	export->rows += SPI_processed;
	export->batch = size > BATCH_BYTES ? 1 : Min(export->batch * 2, BATCH_ROWS);
}

/* False: it is not permitted. All else that fails fails. */
static bool
attempt(Export *export, void (*action)(Export *, const char *), const char *query)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	uint64 rows = export->rows;
	volatile bool permitted = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		action(export, query);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
			ReThrowError(error);
		FreeErrorData(error);
		export->line_count = 0;
		export->rows = rows;
		permitted = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return permitted;
}

static void
note_not_permitted(Export *export)
{
	export->missing = copy_of(ask(export, "SELECT $3 || jsonb_build_object('table', $2::regclass, "
										  "'reason', 'not permitted')"),
							  1, export->context);
}

static void
end_table(Export *export)
{
	add_line(export, ask(export, "SELECT tarot.export_of_end($2, $1, $4, $5, $6)"));
}

static void
begin_table(Export *export)
{
	HeapTuple told;
	Datum query;

	export->table++;
	export->rows = 0;
	told = ask(export, "SELECT t.described, $3 || t.missing, t.query FROM "
					   "tarot.export_of_table($2) AS t");
	export->described = copy_of(told, 1, export->context);
	export->missing = copy_of(told, 2, export->context);
	query = copy_of(told, 3, export->line_context);
	export->read = query != 0;
	if (export->read && !attempt(export, open_rows, TextDatumGetCString(query)))
		note_not_permitted(export);
	if (export->portal == NULL)
		end_table(export);
}

static void
read_rows(Export *export)
{
	bool permitted = attempt(export, fetch_rows, NULL);

	if (permitted && export->line_count > 0)
		return;
	close_rows(export);
	if (!permitted)
		note_not_permitted(export);
	end_table(export);
}

/* ---------------------------------------------------------------- who asks */

/* Whom the session's token names; "" for nobody. Whether it still holds, what is read asks. */
static char *
bearer(void)
{
	Bytes prefix;
	Bytes subject;

	if (EventSubject == NULL || !EventSubject(&prefix, &subject))
		return pstrdup("");
	return psprintf("%.*s%.*s", (int) prefix.len, (const char *) prefix.data, (int) subject.len,
					(const char *) subject.data);
}

/*
 * By whose rights columns were left out, and who is named in the first line: the rest is none of
 * anybody else's. Another token of the same bearer may take the place of one that has expired.
 */
static void
require_same_reader(Export *export)
{
	bool same = export->role == GetUserId() && export->session_role == GetSessionUserId();

	if (same && unlikely(export->identity != IdentityEpoch))
	{
		char *now = bearer();

		same = strcmp(export->bearer, now) == 0;
		if (same)
			export->identity = IdentityEpoch;
		pfree(now);
	}
	if (!same)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the export was begun by another role or identity"),
						errhint("Read all of it as the one, or begin another.")));
}

/* ---------------------------------------------------------------- lines */

/* Values are told alike in whatever session. */
static int
settle(void)
{
	static const char *const settings[][2] = {{"search_path", "pg_catalog, pg_temp"},
											  {"timezone", "UTC"},
											  {"intervalstyle", "iso_8601"},
											  {"bytea_output", "hex"},
											  {"extra_float_digits", "1"}};
	int level = NewGUCNestLevel();

	for (int i = 0; i < (int) lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

static void
find_tables(Export *export)
{
	ArrayType *tables = DatumGetArrayTypeP(
		copy_of(ask(export, "SELECT tarot.export_tables()"), 1, export->context));

	export->tables = (Oid *) ARR_DATA_PTR(tables);
	export->table_count = ArrayGetNItems(ARR_NDIM(tables), ARR_DIMS(tables));
}

static void
step(Export *export)
{
	if (!export->begun)
	{
		add_line(export, ask(export, "SELECT tarot.export_of_subject($1)"));
		find_tables(export);
		export->begun = true;
	}
	else if (export->portal != NULL)
		read_rows(export);
	else if (export->table < export->table_count)
		begin_table(export);
	else
	{
		add_line(export, ask(export, "SELECT json_build_object('complete', $3 = '[]', "
									 "'missing', $3)::text"));
		export->done = true;
	}
}

/* False: that was all. */
static bool
next_lines(Export *export)
{
	int level = settle();

	MemoryContextReset(export->line_context);
	export->line = export->line_count = 0;
	SPI_connect();
	while (export->line_count == 0 && !export->done)
		step(export);
	SPI_finish();
	AtEOXact_GUC(false, level);
	return export->line_count > 0;
}

/* Also where nobody asks for the rest. */
static void
end_export(Datum argument)
{
	Export *export = (Export *) DatumGetPointer(argument);

	if (export->portal != NULL)
		close_rows(export);
}

/*
 * What reads the rows would have to be there when the server, at the commit, reads such a cursor to
 * the end; and what the commit has kept of it stays in the session if the rest then fails.
 */
static void
refuse_to_be_held(const ReturnSetInfo *result)
{
	if (ActivePortal != NULL && (ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0 &&
		(result->allowedModes & SFRM_Materialize_Preferred) == 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a cursor WITH HOLD cannot read an export line by line"),
			 errhint("With tarot.export_subject_lines() in FROM the lines are gathered first.")));
}

static Export *
begin_export(FunctionCallInfo fcinfo, MemoryContext context)
{
	MemoryContext outer = MemoryContextSwitchTo(context);
	Export *export = palloc0(sizeof(Export));

	export->context = context;
	export->role = GetUserId();
	export->session_role = GetSessionUserId();
	export->identity = IdentityEpoch;
	export->bearer = bearer();
	export->line_context =
		AllocSetContextCreate(context, "tarot_security export", ALLOCSET_DEFAULT_SIZES);
	if (!PG_ARGISNULL(0))
		export->subject = PointerGetDatum(PG_GETARG_TEXT_P_COPY(0));
	export->missing = DirectFunctionCall1(jsonb_in, CStringGetDatum("[]"));
	MemoryContextSwitchTo(outer);
	return export;
}

/*
 * tarot.export_subject_lines(subject text) RETURNS SETOF text
 *
 * A value for each call: in the list of what a query selects, a line goes to the client before the
 * next is read. All are of the snapshot of that query.
 */
PG_FUNCTION_INFO_V1(tarot_subjects_export_subject_lines);
Datum
tarot_subjects_export_subject_lines(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	FuncCallContext *call;
	Export *export;

	if (SRF_IS_FIRSTCALL())
	{
		refuse_to_be_held(result);
		call = SRF_FIRSTCALL_INIT();
		call->user_fctx = begin_export(fcinfo, call->multi_call_memory_ctx);
		RegisterExprContextCallback(result->econtext, end_export, PointerGetDatum(call->user_fctx));
	}
	call = SRF_PERCALL_SETUP();
	export = call->user_fctx;
	require_same_reader(export);
	if (export->line == export->line_count && !next_lines(export))
	{
		UnregisterExprContextCallback(result->econtext, end_export, PointerGetDatum(export));
		SRF_RETURN_DONE(call);
	}
	SRF_RETURN_NEXT(call, export->lines[export->line++]);
}
