/*
 * setting.h
 *		Settings that the audit rests on, by whatever they are set: SET, set_config(), a
 *		function's SET clause, what a client connects with.
 */
#ifndef TAROT_HOOKS_SETTING_H
#define TAROT_HOOKS_SETTING_H

/* When all settings are defined. */
extern void SettingHooksInit(void);

/* For each statement of a client: at the first one it is told what it has connected with. */
extern void SettingNoteConnected(void);

#endif
