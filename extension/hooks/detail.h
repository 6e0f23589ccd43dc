/*
 * detail.h
 *		What the detail of an error must not tell.
 */
#ifndef TAROT_HOOKS_DETAIL_H
#define TAROT_HOOKS_DETAIL_H

#include "postgres_ext.h"

#include "masking/masking.h"

/* On the stack of who runs something. */
typedef struct DetailWatch
{
	ErrorContextCallback callback;
	MaskingRun run;
	bool watches;
} DetailWatch;

/*
 * From now on errors are looked at when they are raised: functions that catch
 * them, and ask for the detail, get no more than the client. Nothing is to be
 * done where an error ends it.
 */
extern void DetailBeginWatch(DetailWatch *watch, const PlannedStmt *plan, Oid refreshed);
extern void DetailEndWatch(DetailWatch *watch);

/* Those that are raised where nothing runs, by constraints that are checked at the commit. */
extern void DetailHideAtEmit(ErrorData *error);

#endif
