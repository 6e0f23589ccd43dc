/*
 * names.h
 *		What the name of a column says about its values, in the languages that
 *		columns are most often named in.
 */
#ifndef TAROT_RECOGNIZE_NAMES_H
#define TAROT_RECOGNIZE_NAMES_H

#include "recognize/recognize.h"

/*
 * How much each kind is suggested: from 0 to 0.95, for where the values do not
 * say otherwise. Case, underscores, accents and digits do not matter. `table`
 * may be NULL.
 */
extern void name_hints(const char *table, const char *column, float hints[SENSITIVE_KINDS]);

#endif
