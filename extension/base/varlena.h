/*
 * varlena.h
 *		The server's values of variable length (text, bytea, ...) as views of
 *		bytes, and back.
 */
#ifndef TAROT_BASE_VARLENA_H
#define TAROT_BASE_VARLENA_H

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/bytes.h"
#include "base/compat.h"

/* Of a value that is neither compressed nor out of line, as PG_GETARG_TEXT_PP() gives it. */
static inline Bytes
BytesOfVarlena(const void *value)
{
	return bytes_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

#define PG_GETARG_BYTES(n) BytesOfVarlena(PG_GETARG_VARLENA_PP(n))

/* palloc'd; in the server's encoding. */
static inline text *
TextOfBytes(Bytes bytes)
{
	return cstring_to_text_with_len((const char *) bytes.data, (int) bytes.len);
}

#endif
