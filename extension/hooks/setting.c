/*
 * setting.c
 *		Settings that the audit rests on, by whatever they are set.
 *
 * A statement that sets one leaves an entry. A function that does is none, and can set it
 * back before its statement ends. So each change is an event, told by the hook that the
 * server calls for it, of its own settings too.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/guc_tables.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "events/event.h"
#include "hooks/setting.h"

#define WATCHED_MAX 8

static struct config_generic *watched[WATCHED_MAX];
static int watched_count;

/* Neither when a session starts, nor when it is as before after a transaction: that tells nothing
 * new. */
static bool
is_of_session(void)
{
	return IsUnderPostmaster && MyBackendType == B_BACKEND && IsNormalProcessingMode() &&
		   IsTransactionState() && !IsParallelWorker() && CatalogWasThere();
}

static void
report(const struct config_generic *setting, const char *value)
{
	EventReport(&(SecurityEvent){.type = "AUDIT",
								 .action = "set",
								 .status = EVENT_SUCCESS,
								 .details = {{"setting", setting->name}, {"value", value}}});
}

/* ---------------------------------------------------------------- hooks, one a setting */

static const char *
text_of_bool(bool value)
{
	return value ? "on" : "off";
}

static const char *
text_of_int(int value)
{
	static char digits[16];

	snprintf(digits, sizeof(digits), "%d", value);
	return digits;
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* clang-format off */
#define WATCH(SETTING, KIND, TYPE, SAME, TEXT)                                           \
	static struct config_##KIND *setting_##SETTING;                                     \
	static void (*next_##SETTING)(TYPE value, void *extra);                              \
	static void on_##SETTING(TYPE value, void *extra)                                    \
	{                                                                                    \
		struct config_##KIND *setting = setting_##SETTING;                               \
		TYPE old = *setting->variable;                                                   \
		if (is_of_session() && !(SAME))                                                  \
			report(&setting->gen, TEXT);                                                 \
		if (next_##SETTING != NULL)                                                      \
			next_##SETTING(value, extra);                                                \
	}
#define WATCH_BOOL(SETTING) WATCH(SETTING, bool, bool, old == value, text_of_bool(value))
#define WATCH_INT(SETTING) WATCH(SETTING, int, int, old == value, text_of_int(value))
#define WATCH_ENUM(SETTING) \
	WATCH(SETTING, enum, int, old == value, config_enum_lookup_by_value(setting, value))
#define WATCH_STRING(SETTING) WATCH(SETTING, string, const char *, same_text(old, value), value)

WATCH_INT(audit_value_limit)
WATCH_INT(audit_seal_interval)
WATCH_BOOL(log_audit_checkpoints)
WATCH_STRING(audit_checkpoint_file)
WATCH_ENUM(session_replication_role)
WATCH_BOOL(allow_system_table_mods)
WATCH_BOOL(event_triggers)

/* One that this server does not have is left out. */
#define HOOK(NAME, SETTING, KIND)                                                        \
	do                                                                                   \
	{                                                                                    \
		setting_##SETTING = (struct config_##KIND *) compat_find_setting(NAME);          \
		if (setting_##SETTING == NULL)                                                   \
			break;                                                                       \
		next_##SETTING = setting_##SETTING->assign_hook;                                 \
		setting_##SETTING->assign_hook = on_##SETTING;                                   \
		watched[watched_count++] = &setting_##SETTING->gen;                              \
	} while (0)
/* clang-format on */

void
SettingHooksInit(void)
{
	HOOK("tarot_security.audit_value_limit", audit_value_limit, int);
	HOOK("tarot_security.audit_seal_interval", audit_seal_interval, int);
	HOOK("tarot_security.log_audit_checkpoints", log_audit_checkpoints, bool);
	HOOK("tarot_security.audit_checkpoint_file", audit_checkpoint_file, string);
	HOOK("session_replication_role", session_replication_role, enum);
	HOOK("allow_system_table_mods", allow_system_table_mods, bool);
	HOOK("event_triggers", event_triggers, bool);
}

void
SettingNoteConnected(void)
{
	static bool noted = false;

	if (likely(noted) || !IsTransactionState() || MyBackendType != B_BACKEND || !CatalogExists())
		return;
	noted = true;
	for (int i = 0; i < watched_count; i++)
	{
		if (watched[i]->source == PGC_S_CLIENT)
			report(watched[i], GetConfigOption(watched[i]->name, true, false));
	}
}
