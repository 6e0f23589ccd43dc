/*
 * retention.h
 *		How long rows are kept.
 */
#ifndef TAROT_RETENTION_RETENTION_H
#define TAROT_RETENTION_RETENTION_H

extern void RetentionInit(void);

#endif
