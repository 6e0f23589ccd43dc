/*
 * detail.c
 *		Looks at errors when they are raised, and takes rows and keys out of
 *		their detail that the role may not read.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/elog.h"
#include "utils/memutils.h"

#include "hooks/detail.h"
#include "label/label.h"

#define HIDDEN "The values are not shown: the role may not read all of them."

static bool
may_tell_values(int code)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		   code == ERRCODE_WITH_CHECK_OPTION_VIOLATION || code == ERRCODE_CARDINALITY_VIOLATION;
}

/*
 * The server has put the detail together just before, with catalogs and output
 * functions: so catalogs can be read here, too.
 */
static void
on_error(void *argument)
{
	const DetailWatch *watch = argument;
	MemoryContext outer;
	ErrorData *error;

	if (likely(!may_tell_values(geterrcode())) || !IsTransactionState())
		return;
	outer = MemoryContextSwitchTo(CurTransactionContext);
	error = CopyErrorData();
	if (error->detail != NULL && strcmp(error->detail, HIDDEN) != 0 &&
		MaskingHidesDetail(error, &watch->run))
		errdetail(HIDDEN);
	FreeErrorData(error);
	MemoryContextSwitchTo(outer);
}

void
DetailBeginWatch(DetailWatch *watch, const PlannedStmt *plan, Oid refreshed)
{
	watch->watches = IsTransactionState() && LabelExists();
	if (!watch->watches)
		return;
	watch->run = (MaskingRun){.plan = plan, .refreshed = refreshed, .role = GetUserId()};
	watch->callback =
		(ErrorContextCallback){.previous = error_context_stack, .callback = on_error, .arg = watch};
	error_context_stack = &watch->callback;
}

void
DetailEndWatch(DetailWatch *watch)
{
	if (watch->watches)
		error_context_stack = watch->callback.previous;
}

void
DetailHideAtEmit(ErrorData *error)
{
	if (error->elevel != ERROR || error->detail == NULL || strcmp(error->detail, HIDDEN) == 0 ||
		!may_tell_values(error->sqlerrcode) || !MaskingHidesDetail(error, NULL))
		return;
	pfree(error->detail);
	error->detail = MemoryContextStrdup(error->assoc_context, HIDDEN);
}
