/*
 * status.h
 *		What a function of crypto/ answers.
 *
 * The server turns these into errors (keys/), fuzzers and tools print them.
 */
#ifndef TAROT_CRYPTO_STATUS_H
#define TAROT_CRYPTO_STATUS_H

typedef enum CryptoStatus
{
	CRYPTO_OK = 0,
	CRYPTO_MALFORMED,   /* these bytes are no envelope of ours */
	CRYPTO_UNAUTHENTIC, /* wrong key, wrong context or changed bytes: not told apart */
	CRYPTO_FAILED,      /* the library refused: out of memory, no such algorithm */
} CryptoStatus;

#endif
