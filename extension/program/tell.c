/*
 * tell.c
 *		Findings, and what keeps from finding any.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "program/tell.h"

uint64_t tell_findings;

void
found(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	tell_findings++;
}

void
trouble(const char *format, ...)
{
	va_list args;

	fputs("tarot-verify: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(TELL_TROUBLE);
}

void *
must(void *memory)
{
	if (memory == NULL)
		trouble("out of memory");
	return memory;
}

void
require(CryptoStatus status)
{
	if (status == CRYPTO_FAILED)
		trouble("the cryptographic library failed");
}
