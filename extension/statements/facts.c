/*
 * facts.c
 *		What a statement says, as members of a JSON object.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"

#include "base/compat.h"
#include "statements/facts.h"

/* ---------------------------------------------------------------- JSON */

static void
put_name(StringInfo out, const char *name)
{
	appendStringInfoChar(out, ',');
	escape_json(out, name);
	appendStringInfoChar(out, ':');
}

void
FactText(StringInfo out, const char *name, const char *value)
{
	put_name(out, name);
	escape_json(out, value);
}

static void
fact_true(StringInfo out, const char *name, bool value)
{
	if (!value)
		return;
	put_name(out, name);
	appendStringInfoString(out, "true");
}

/* An array, of what a function says of each item. */
static void
fact_list(StringInfo out, const char *name, List *items, const char *(*text)(Node *item))
{
	ListCell *cell;
	char before = '[';

	put_name(out, name);
	if (items == NIL)
		appendStringInfoChar(out, before);
	foreach (cell, items)
	{
		appendStringInfoChar(out, before);
		escape_json(out, text(lfirst(cell)));
		before = ',';
	}
	appendStringInfoChar(out, ']');
}

/* ---------------------------------------------------------------- grants */

static const char *
role_text(Node *node)
{
	const RoleSpec *role = (const RoleSpec *) node;

	switch (role->roletype)
	{
		case ROLESPEC_CSTRING:
			return role->rolename;
		case ROLESPEC_PUBLIC:
			return "PUBLIC";
		case ROLESPEC_SESSION_USER:
			return GetUserNameFromId(GetSessionUserId(), false);
		default:
			return GetUserNameFromId(GetUserId(), false);
	}
}

static const char *
string_text(Node *node)
{
	return strVal(node);
}

/* SELECT (a, b) */
static const char *
privilege_text(Node *node)
{
	const AccessPriv *privilege = (const AccessPriv *) node;
	StringInfoData out;
	ListCell *cell;
	const char *before = " (";

	initStringInfo(&out);
	if (privilege->priv_name == NULL)
		appendStringInfoString(&out, "ALL");
	else
	{
		for (const char *c = privilege->priv_name; *c != '\0'; c++)
			appendStringInfoChar(&out, (char) pg_toupper((unsigned char) *c));
	}
	foreach (cell, privilege->cols)
	{
		appendStringInfo(&out, "%s%s", before, quote_identifier(strVal(lfirst(cell))));
		before = ", ";
	}
	if (privilege->cols != NIL)
		appendStringInfoChar(&out, ')');
	return out.data;
}

static const char *
role_privilege_text(Node *node)
{
	return ((const AccessPriv *) node)->priv_name;
}

static void
grant_facts(StringInfo out, const GrantStmt *grant)
{
	if (grant->privileges == NIL)
		appendStringInfoString(out, ",\"privileges\":[\"ALL\"]");
	else
		fact_list(out, "privileges", grant->privileges, privilege_text);
	fact_list(out, "grantees", grant->grantees, role_text);
	fact_true(out, "grant_option", grant->grant_option);
	fact_true(out, "all_in_schema", grant->targtype == ACL_TARGET_ALL_IN_SCHEMA);
	if (grant->grantor != NULL)
		FactText(out, "granted_by", role_text((Node *) grant->grantor));
}

static void
default_privileges_facts(StringInfo out, const AlterDefaultPrivilegesStmt *statement)
{
	ListCell *cell;

	foreach (cell, statement->options)
	{
		const DefElem *option = lfirst(cell);

		if (strcmp(option->defname, "schemas") == 0)
			fact_list(out, "schemas", (List *) option->arg, string_text);
		else if (strcmp(option->defname, "roles") == 0)
			fact_list(out, "roles", (List *) option->arg, role_text);
	}
	fact_true(out, "grant", statement->action->is_grant);
	fact_true(out, "revoke", !statement->action->is_grant);
	grant_facts(out, statement->action);
}

/* ---------------------------------------------------------------- roles */

static const char *
role_names(List *roles)
{
	StringInfoData out;
	ListCell *cell;

	initStringInfo(&out);
	foreach (cell, roles)
	{
		if (out.len > 0)
			appendStringInfoString(&out, ", ");
		appendStringInfoString(&out, quote_identifier(role_text(lfirst(cell))));
	}
	return out.data;
}

/* createdb, nosuperuser: by name, and what is not a literal. */
static const char *
role_option_text(Node *node)
{
	const DefElem *option = (const DefElem *) node;

	if (option->arg != NULL && IsA(option->arg, Boolean))
		return psprintf("%s%s", boolVal(option->arg) ? "" : "no", option->defname);
	if (option->arg != NULL && IsA(option->arg, Integer))
		return psprintf("%s %d", option->defname, intVal(option->arg));
	if (option->arg != NULL && IsA(option->arg, List))
		return psprintf("%s %s", option->defname, role_names((List *) option->arg));
	return option->defname;
}

static void
grant_role_facts(StringInfo out, const GrantRoleStmt *grant)
{
	List *options;

	fact_list(out, "roles", grant->granted_roles, role_privilege_text);
	fact_list(out, "grantees", grant->grantee_roles, role_text);
	options = compat_grant_role_options(grant);
	if (options != NIL)
		fact_list(out, "options", options, role_option_text);
	if (grant->grantor != NULL)
		FactText(out, "granted_by", role_text((Node *) grant->grantor));
}

/* ---------------------------------------------------------------- tables */

/* The word of a command of ALTER TABLE, and whether its name is that of a trigger, column and so
 * on. */
static const char *
table_command_word(AlterTableType type)
{
	switch (type)
	{
		case AT_AddColumn:
			return "add column";
		case AT_DropColumn:
			return "drop column";
		case AT_AlterColumnType:
			return "alter column type";
		case AT_ColumnDefault:
			return "alter column default";
		case AT_SetNotNull:
			return "set not null";
		case AT_DropNotNull:
			return "drop not null";
		case AT_AddConstraint:
			return "add constraint";
		case AT_DropConstraint:
			return "drop constraint";
		case AT_ChangeOwner:
			return "owner to";
		case AT_EnableTrig:
			return "enable trigger";
		case AT_EnableAlwaysTrig:
			return "enable always trigger";
		case AT_EnableReplicaTrig:
			return "enable replica trigger";
		case AT_DisableTrig:
			return "disable trigger";
		case AT_EnableTrigAll:
			return "enable trigger all";
		case AT_DisableTrigAll:
			return "disable trigger all";
		case AT_EnableTrigUser:
			return "enable trigger user";
		case AT_DisableTrigUser:
			return "disable trigger user";
		case AT_EnableRule:
			return "enable rule";
		case AT_DisableRule:
			return "disable rule";
		case AT_AddInherit:
			return "inherit";
		case AT_DropInherit:
			return "no inherit";
		case AT_EnableRowSecurity:
			return "enable row level security";
		case AT_DisableRowSecurity:
			return "disable row level security";
		case AT_ForceRowSecurity:
			return "force row level security";
		case AT_NoForceRowSecurity:
			return "no force row level security";
		case AT_AttachPartition:
			return "attach partition";
		case AT_DetachPartition:
			return "detach partition";
		case AT_SetLogged:
			return "set logged";
		case AT_SetUnLogged:
			return "set unlogged";
		case AT_SetRelOptions:
			return "set";
		default:
			return "other";
	}
}

static const char *
table_command_text(Node *node)
{
	const AlterTableCmd *command = (const AlterTableCmd *) node;
	const char *word = table_command_word(command->subtype);
	const RangeVar *other = NULL;

	if (command->def != NULL && IsA(command->def, PartitionCmd))
		other = ((const PartitionCmd *) command->def)->name;
	else if (command->def != NULL && IsA(command->def, RangeVar))
		other = (const RangeVar *) command->def;
	if (other != NULL)
		return psprintf("%s %s", word,
						quote_qualified_identifier(other->schemaname, other->relname));
	if (command->newowner != NULL)
		return psprintf("%s %s", word, quote_identifier(role_text((Node *) command->newowner)));
	if (command->name != NULL)
		return psprintf("%s %s", word, quote_identifier(command->name));
	if (command->def != NULL && IsA(command->def, ColumnDef))
		return psprintf("%s %s", word,
						quote_identifier(((const ColumnDef *) command->def)->colname));
	return word;
}

static void
copy_facts(StringInfo out, const CopyStmt *copy, const QueryCompletion *completion)
{
	FactText(out, "direction", copy->is_from ? "from" : "to");
	FactText(out, "with",
			 copy->is_program         ? "program"
			 : copy->filename != NULL ? "file"
									  : "client");

	/* A program is told its secrets; a path is where the rows are. */
	if (copy->filename != NULL && !copy->is_program)
		FactText(out, "file", copy->filename);
	if (copy->attlist != NIL)
		fact_list(out, "columns", copy->attlist, string_text);
	fact_true(out, "query", copy->query != NULL);
	put_name(out, "rows");
	appendStringInfo(out, UINT64_FORMAT, completion->nprocessed);
}

/* ---------------------------------------------------------------- settings */

const char *
StatementSetting(Node *node, VariableSetStmt **set)
{
	switch (nodeTag(node))
	{
		case T_VariableSetStmt:
			*set = (VariableSetStmt *) node;
			break;
		case T_AlterSystemStmt:
			*set = ((AlterSystemStmt *) node)->setstmt;
			break;
		case T_AlterDatabaseSetStmt:
			*set = ((AlterDatabaseSetStmt *) node)->setstmt;
			break;
		case T_AlterRoleSetStmt:
			*set = ((AlterRoleSetStmt *) node)->setstmt;
			break;
		default:
			return NULL;
	}
	return (*set)->name != NULL ? (*set)->name : "";
}

bool
SettingIsOfAudit(const char *name)
{
	static const char *const settings[] = {"tarot_security.audit_value_limit",
										   "tarot_security.audit_seal_interval",
										   "tarot_security.audit_checkpoint_file",
										   "tarot_security.log_audit_checkpoints",
										   "tarot_security.worker",
										   "tarot_security.event_repeat_interval",
										   "tarot_security.event_queue_size",
										   "tarot_security.log_security_events",
										   "tarot_security.log_critical_events",
										   "shared_preload_libraries",
										   "session_replication_role",
										   "event_triggers",
										   "allow_system_table_mods",
										   "ignore_system_indexes"};

	for (size_t i = 0; i < lengthof(settings); i++)
	{
		if (pg_strcasecmp(name, settings[i]) == 0)
			return true;
	}
	return false;
}

/* Settings that nobody knows, and those of superusers, may hold secrets. */
static bool
may_show_setting(const char *name)
{
	int flags = GetConfigOptionFlags(name, true);

	return SettingIsOfAudit(name) ||
		   (flags != 0 && (flags & (GUC_CUSTOM_PLACEHOLDER | GUC_SUPERUSER_ONLY)) == 0);
}

static void
setting_facts(StringInfo out, const char *name, VariableSetStmt *set)
{
	char *value;

	if (name[0] == '\0')
	{
		FactText(out, "setting", "ALL");
		return;
	}
	FactText(out, "setting", name);
	if (set->kind != VAR_SET_VALUE || !may_show_setting(name))
		return;
	value = ExtractSetVariableArgs(set);
	if (value != NULL)
		FactText(out, "value", value);
}

/* ---------------------------------------------------------------- all of them */

void
StatementFacts(StringInfo out, Node *node, const QueryCompletion *completion)
{
	VariableSetStmt *set = NULL;
	const char *setting = StatementSetting(node, &set);

	if (setting != NULL)
		setting_facts(out, setting, set);
	switch (nodeTag(node))
	{
		case T_GrantStmt:
			grant_facts(out, (GrantStmt *) node);
			break;
		case T_AlterDefaultPrivilegesStmt:
			default_privileges_facts(out, (AlterDefaultPrivilegesStmt *) node);
			break;
		case T_GrantRoleStmt:
			grant_role_facts(out, (GrantRoleStmt *) node);
			break;
		case T_CreateRoleStmt:
			fact_list(out, "options", ((CreateRoleStmt *) node)->options, role_option_text);
			break;
		case T_AlterRoleStmt:
			fact_list(out, "options", ((AlterRoleStmt *) node)->options, role_option_text);
			break;
		case T_DropOwnedStmt:
			fact_list(out, "roles", ((DropOwnedStmt *) node)->roles, role_text);
			break;
		case T_ReassignOwnedStmt:
			fact_list(out, "roles", ((ReassignOwnedStmt *) node)->roles, role_text);
			FactText(out, "new_owner", role_text((Node *) ((ReassignOwnedStmt *) node)->newrole));
			break;
		case T_AlterTableStmt:
			fact_list(out, "actions", ((AlterTableStmt *) node)->cmds, table_command_text);
			break;
		case T_RenameStmt:
			if (((RenameStmt *) node)->subname != NULL)
				FactText(out, "name", ((RenameStmt *) node)->subname);
			if (((RenameStmt *) node)->newname != NULL)
				FactText(out, "new_name", ((RenameStmt *) node)->newname);
			break;
		case T_AlterObjectSchemaStmt:
			FactText(out, "new_schema", ((AlterObjectSchemaStmt *) node)->newschema);
			break;
		case T_AlterOwnerStmt:
			FactText(out, "new_owner", role_text((Node *) ((AlterOwnerStmt *) node)->newowner));
			break;
		case T_AlterEventTrigStmt:
			FactText(out, "enabled", psprintf("%c", ((AlterEventTrigStmt *) node)->tgenabled));
			break;
		case T_AlterExtensionContentsStmt:
			FactText(out, "member",
					 ((AlterExtensionContentsStmt *) node)->action > 0 ? "add" : "drop");
			break;
		case T_CreatedbStmt:
			FactText(out, "database", ((CreatedbStmt *) node)->dbname);
			break;
		case T_DropdbStmt:
			FactText(out, "database", ((DropdbStmt *) node)->dbname);
			break;
		case T_AlterRoleSetStmt:
			if (((AlterRoleSetStmt *) node)->database != NULL)
				FactText(out, "database", ((AlterRoleSetStmt *) node)->database);
			break;
		case T_CopyStmt:
			copy_facts(out, (CopyStmt *) node, completion);
			break;
		default:
			break;
	}
}
