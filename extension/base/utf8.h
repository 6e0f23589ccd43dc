/*
 * utf8.h
 *		Text as it is sealed: always UTF-8, so that an envelope can move to a
 *		database of another encoding. Errors never show a character of it.
 */
#ifndef TAROT_BASE_UTF8_H
#define TAROT_BASE_UTF8_H

#include "base/bytes.h"

/* The same bytes where the database is in UTF-8; otherwise palloc'd. */
extern Bytes Utf8FromServer(Bytes text);

/* The same; false, rather than raising. */
extern bool Utf8TryFromServer(Bytes text, Bytes *utf8);

/*
 * Checks and converts to the database's encoding; the result is `text` itself
 * or palloc'd. Raises when a character has no equivalent there.
 */
extern Bytes Utf8ToServer(Bytes text);

/* The same; false, rather than raising. */
extern bool Utf8TryToServer(Bytes text, Bytes *converted);

#endif
