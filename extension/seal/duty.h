/*
 * duty.h
 *		Sealing by the background worker.
 */
#ifndef TAROT_SEAL_DUTY_H
#define TAROT_SEAL_DUTY_H

extern void SealDutyInit(void);

/*
 * For each statement of a client: the first one in a database since the server's start has the
 * worker seal what was committed before that.
 */
extern void SealWhatIsLeft(void);

#endif
