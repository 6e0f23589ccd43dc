/*
 * settings.h
 *		Settings for as long as a function of ours runs.
 */
#ifndef TAROT_BASE_SETTINGS_H
#define TAROT_BASE_SETTINGS_H

#include "utils/guc.h"

/*
 * Nothing that is looked up by name from here on is the caller's. Returns the
 * level of settings to go back to, by AtEOXact_GUC().
 */
static inline int
SettingsPinSearchPath(void)
{
	int nest_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

#endif
