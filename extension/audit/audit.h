/*
 * audit.h
 *		Changes of tables on record.
 */
#ifndef TAROT_AUDIT_AUDIT_H
#define TAROT_AUDIT_AUDIT_H

extern void AuditInit(void);

#endif
