/*
 * mask_function.h
 *		Masks that are functions in SQL: "function(schema.name)".
 *
 * The function gets the value itself, and whoever wrote it answers for what it
 * does with that. It is one of the extension's owner or of a superuser, with one
 * argument of the column's type and a result of the same, not VOLATILE, PARALLEL
 * SAFE, and with a search_path of its own, pg_temp last, unless it needs none: the
 * names in it must not mean what the reader wants. It runs with the reader's rights unless
 * it is SECURITY DEFINER; the reader needs no EXECUTE on it.
 */
#ifndef TAROT_VALUES_MASK_FUNCTION_H
#define TAROT_VALUES_MASK_FUNCTION_H

#include "fmgr.h"

/* The function for a type, ready to be called, in `context`; false where there is none. */
extern bool MaskFunctionFind(const char *name, Oid type, MemoryContext context, FmgrInfo *function);

/* False for NULL. What it raises is not passed on: it could hold the value. */
extern bool MaskFunctionCall(FmgrInfo *function, Oid collation, Datum value, Datum *masked);

/* Raises unless there is a function of this name for some type. */
extern void MaskFunctionRequire(const char *name);

#endif
