/*
 * seal.h
 *		The hash tree over the audit log.
 */
#ifndef TAROT_SEAL_SEAL_H
#define TAROT_SEAL_SEAL_H

extern void SealInit(void);

#endif
