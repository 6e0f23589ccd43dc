/*
 * claims.c
 *		What SQL is told of who the session is.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "base/utf8.h"
#include "base/varlena.h"
#include "identity/session.h"
#include "identity/setting.h"

static Datum
text_of_utf8(Bytes utf8)
{
	Bytes text = Utf8ToServer(utf8);

	return PointerGetDatum(TextOfBytes(text));
}

#define RETURN_TEXT_OR_NULL(bytes)            \
	do                                        \
	{                                         \
		Bytes found = (bytes);                \
                                              \
		if (found.len == 0)                   \
			PG_RETURN_NULL();                 \
		PG_RETURN_DATUM(text_of_utf8(found)); \
	} while (0)

/*
 * tarot.subject() RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_identity_subject);
Datum
tarot_identity_subject(PG_FUNCTION_ARGS)
{
	RETURN_TEXT_OR_NULL(IdentitySubject());
}

/*
 * tarot.issuer() RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_identity_issuer);
Datum
tarot_identity_issuer(PG_FUNCTION_ARGS)
{
	const Identity *identity = IdentityRequire();

	RETURN_TEXT_OR_NULL(identity != NULL ? identity->issuer : bytes_view(NULL, 0));
}

/*
 * tarot.token_id() RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_identity_token_id);
Datum
tarot_identity_token_id(PG_FUNCTION_ARGS)
{
	const Identity *identity = IdentityRequire();

	RETURN_TEXT_OR_NULL(identity != NULL ? identity->id : bytes_view(NULL, 0));
}

/*
 * tarot.expires_at() RETURNS timestamptz
 */
PG_FUNCTION_INFO_V1(tarot_identity_expires_at);
Datum
tarot_identity_expires_at(PG_FUNCTION_ARGS)
{
	const Identity *identity = IdentityRequire();

	if (identity == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(IssuerTimestamp(identity->times.expires));
}

/*
 * tarot.claims() RETURNS jsonb
 */
PG_FUNCTION_INFO_V1(tarot_identity_claims);
Datum
tarot_identity_claims(PG_FUNCTION_ARGS)
{
	const Identity *identity = IdentityRequire();

	if (identity == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(VerifyClaimsAsJsonb(identity->object));
}

/*
 * tarot.claim(name text) RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_identity_claim);
Datum
tarot_identity_claim(PG_FUNCTION_ARGS)
{
	text *argument = PG_GETARG_TEXT_PP(0);
	Bytes name = Utf8FromServer(BytesOfVarlena(argument));
	const Identity *identity = IdentityRequire();
	const JsonValue *member;

	if (identity == NULL)
		PG_RETURN_NULL();
	member = json_first(identity->object);
	for (uint32 i = 0; i < identity->object->count; i++, member = json_next(member))
	{
		if (member->name.len == name.len && memcmp(member->name.data, name.data, name.len) == 0)
		{
			if (member->kind == JSON_NULL)
				PG_RETURN_NULL();
			PG_RETURN_DATUM(text_of_utf8(member->text));
		}
	}
	PG_RETURN_NULL();
}
