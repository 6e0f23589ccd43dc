/*
 * trail.h
 *		The audit log: what is put there, by whomever, and how.
 */
#ifndef TAROT_TRAIL_TRAIL_H
#define TAROT_TRAIL_TRAIL_H

/* A statement has ended: its entries are written now. For hooks. */
extern void TrailEndStatement(void);

extern void TrailInit(void);

#endif
