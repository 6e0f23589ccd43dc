/*
 * setting.h
 *		The identity of a session as the setting holds it. For this folder alone:
 *		others ask session.h who it is.
 */
#ifndef TAROT_IDENTITY_SETTING_H
#define TAROT_IDENTITY_SETTING_H

#include "identity/verify.h"
#include "token/json.h"

/* What the setting's text says, in one piece of the settings' memory: views of what lies behind it.
 */
typedef struct Identity
{
	JwtTimes times;
	int64 issuer_created;    /* which of those that had this "iss" */
	Bytes issuer;            /* "iss" */
	Bytes prefix;            /* of its subjects, when this began */
	Bytes subject;           /* "sub" */
	Bytes id;                /* "jti" */
	const JsonValue *object; /* the claims; NULL: nobody, for the transaction alone */
	bool transaction_only;

	/* The database role before this identity took one; empty where it took none. */
	char outer_role[NAMEDATALEN];
	/* The same of the session's identity, which that of a transaction hides. */
	char session_outer_role[NAMEDATALEN];
} Identity;

/* ---------------------------------------------------------------- setting.c */

/* The setting's text; palloc'd. Without a token that of nobody. */
extern char *IdentityEncode(const VerifiedToken *token, const char *outer_role,
							const char *session_outer_role, bool transaction_only);

/* Raises nothing, and its result is the settings': a check hook calls it. NULL for what is no
 * identity. */
extern Identity *IdentityDecode(const char *text);

/* ---------------------------------------------------------------- session.c */

/* What the setting says, that of nobody too, or NULL. Whether it still holds is not asked. */
extern const Identity *IdentitySetting(void);

/* Makes it say this; "": nobody at all. For who has verified the token that it was made of. */
extern void IdentitySet(const char *text, bool transaction_only);

/* Who the session is, or NULL for nobody. Raises as IdentityHolds does. */
extern const Identity *IdentityRequire(void);

#endif
