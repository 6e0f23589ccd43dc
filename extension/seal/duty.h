/*
 * duty.h
 *		Sealing by the background worker.
 */
#ifndef TAROT_SEAL_DUTY_H
#define TAROT_SEAL_DUTY_H

extern void SealDutyInit(void);

#endif
