/*
 * audit.h
 *		Changes of tables on record.
 */
#ifndef TAROT_AUDIT_AUDIT_H
#define TAROT_AUDIT_AUDIT_H

/* A statement has ended: its entries are written now. For hooks. */
extern void AuditEndStatement(void);

extern void AuditInit(void);

#endif
