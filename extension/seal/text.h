/*
 * text.h
 *		The text of jsonb, as leaves of the tree have it: what jsonb_out() gives.
 */
#ifndef TAROT_SEAL_TEXT_H
#define TAROT_SEAL_TEXT_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* Appends it. */
extern void TextOfJsonb(StringInfo out, Jsonb *document);

#endif
