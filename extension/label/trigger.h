/*
 * trigger.h
 *		Triggers whose arguments are names of columns. They are dumped with the
 *		table, and so need no table of ours; PostgreSQL does not rename in them.
 */
#ifndef TAROT_LABEL_TRIGGER_H
#define TAROT_LABEL_TRIGGER_H

#include "fmgr.h"

/* Whether that argument, counted from 0, names a column. */
typedef bool (*TriggerColumnArgument)(int argument);

/* Told of each table that has a column by another name now. */
typedef void (*TriggerColumnRenamed)(Oid table, const char *old_name, const char *new_name);

/*
 * The body of an event trigger: where ALTER TABLE has renamed a column, the triggers
 * of this function go on to mean it, as do PostgreSQL's own dependents of a column.
 */
extern Datum TriggerFollowRename(FunctionCallInfo fcinfo, Oid function,
								 TriggerColumnArgument is_column, TriggerColumnRenamed renamed);

#endif
