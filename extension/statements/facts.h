/*
 * facts.h
 *		What a statement says, as members of a JSON object: who is granted what,
 *		which options a role gets. Never a literal that may be a secret.
 */
#ifndef TAROT_STATEMENTS_FACTS_H
#define TAROT_STATEMENTS_FACTS_H

#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "tcop/cmdtag.h"

/* "name": "value", with a comma before it. */
extern void FactText(StringInfo out, const char *name, const char *value);

/* Those of the statement. */
extern void StatementFacts(StringInfo out, Node *node, const QueryCompletion *completion);

/* The name of the setting that it changes; NULL where it changes none, "" for all of them. */
extern const char *StatementSetting(Node *node, VariableSetStmt **set);

/* Whether the audit depends on a setting. */
extern bool SettingIsOfAudit(const char *name);

#endif
