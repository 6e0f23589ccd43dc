/*
 * table.h
 *		Which tables are audited, for those who watch what becomes of them.
 */
#ifndef TAROT_AUDIT_TABLE_H
#define TAROT_AUDIT_TABLE_H

/* Whether there is a log, and what says what is audited: not while the extension is dropped. */
extern bool AuditExists(void);

/* Whether tarot.audited_table has it. */
extern bool TableIsRecorded(Oid relation);

/* Whether tarot.audit_table() was told of the table, or of one that it is below of. */
extern bool TableIsAudited(Oid relation);

/* Whether tarot.audit_table() and the like make triggers just now. */
extern bool AuditIsEnforced(void);

/* Whether a role may end the audit of tables: tarot.unaudit_table() is for it. */
extern bool RoleMayEndAudit(Oid role);

/* A function of schema tarot by the types of its arguments; InvalidOid where there is none. */
extern Oid AuditFunction(const char *name, int count, const Oid *types);

#endif
