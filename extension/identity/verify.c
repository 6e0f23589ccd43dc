/*
 * verify.c
 *		Tokens of the issuers that this database trusts.
 *
 * A token comes with each request of its bearer, so those that were verified
 * are remembered, by their hash and not by themselves: what is in memory
 * authenticates nobody. Times are compared at each use.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/errors.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "crypto/hash.h"
#include "events/event.h"
#include "identity/selftest.h"
#include "identity/standing.h"
#include "identity/verify.h"
#include "keys/root.h"

/* Tokens that a backend remembers, each by its hash in one of these places: a power of two. */
#define REMEMBERED 64

typedef struct RememberedToken
{
	uint8 hash[HASH_SIZE];
	uint64 epoch;      /* 0: none */
	uint64 generation; /* of the root key */
	uint64 good_in;    /* StandingEpoch */
	JwtTimes times;
	Bytes issuer; /* "iss" */
	Bytes subject;
	Bytes id;
	Bytes claims;
	size_t room;
	uint8 *bytes; /* of those four */
} RememberedToken;

static RememberedToken remembered[REMEMBERED];

int64
VerifyClock(void)
{
	return IssuerMicros(GetCurrentTimestamp());
}

static Bytes
append(uint8 **end, Bytes bytes)
{
	Bytes copy = bytes_view(*end, bytes.len);

	if (bytes.len > 0)
		memcpy(*end, bytes.data, bytes.len);
	*end += bytes.len;
	return copy;
}

/* The epoch and the generation are those of before anything was read, lest it seems younger. */
static void
remember(RememberedToken *place, const uint8 hash[HASH_SIZE], const JwtClaims *claims, uint64 epoch,
		 uint64 generation)
{
	size_t size = claims->issuer.len + claims->subject.len + claims->id.len + claims->text.len;
	uint8 *end;

	place->epoch = 0;
	if (place->room < size)
	{
		uint8 *bytes = MemoryContextAlloc(TopMemoryContext, size);

		if (place->bytes != NULL)
			pfree(place->bytes);
		place->bytes = bytes;
		place->room = size;
	}
	end = place->bytes;
	place->issuer = append(&end, claims->issuer);
	place->subject = append(&end, claims->subject);
	place->id = append(&end, claims->id);
	place->claims = append(&end, claims->text);
	place->times = claims->times;
	memcpy(place->hash, hash, HASH_SIZE);
	place->generation = generation;
	place->good_in = 0;
	place->epoch = epoch;
}

/* The room for a token being read: large, and needed by each backend that authenticates. */
static Jwt *
get_room(void)
{
	static Jwt *room;

	if (room == NULL && (room = jwt_create()) == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return room;
}

/*
 * By these its bearer is found in our tables. What has no spelling in the
 * database's encoding could be in none of them, and nobody be refused by it.
 */
static bool
can_be_revoked(const JwtClaims *claims)
{
	Bytes text;

	return Utf8TryToServer(claims->subject, &text) && Utf8TryToServer(claims->id, &text);
}

static JwtStatus
verify_new(Bytes token, RememberedToken *place, const uint8 hash[HASH_SIZE])
{
	Jwt *jwt = get_room();
	uint64 epoch = CatalogEpoch;
	uint64 generation = RootKeyGeneration();
	JwtStatus status = jwt_read(jwt, token);
	Issuer *issuer;
	Bytes iss;

	if (status != JWT_VALID)
		return status;
	if ((iss = jwt_unverified_issuer(jwt)).len == 0)
		return JWT_BAD_CLAIMS;
	if ((issuer = IssuerOfTokens(iss)) == NULL)
		return JWT_WRONG_ISSUER;
	IssuerRequireKeys(issuer);
	status = jwt_verify(jwt, issuer->keys, issuer->nkeys, &issuer->policy, VerifyClock());
	if (status == JWT_VALID && !can_be_revoked(jwt_claims(jwt)))
		return JWT_BAD_CLAIMS;
	if (status == JWT_VALID)
		remember(place, hash, jwt_claims(jwt), epoch, generation);
	return status;
}

/*
 * JWT_VALID, or what is wrong with the token. Its bearer may be refused all the
 * same: who was revoked or suspended is asked in standing.h.
 */
static JwtStatus
verify_token(Bytes token, VerifiedToken *verified)
{
	uint8 hash[HASH_SIZE];
	RememberedToken *place;
	JwtStatus status;

	TokenRequire();
	if (token.len > JWS_SIZE_MAX)
		return JWT_TOO_LARGE;
	CryptoCheck(hash_sha256(token, hash));
	place = &remembered[hash[0] % REMEMBERED];
	if (place->epoch != CatalogEpoch || place->generation != RootKeyGeneration() ||
		memcmp(place->hash, hash, HASH_SIZE) != 0)
	{
		status = verify_new(token, place, hash);
		if (status != JWT_VALID)
			return status;
	}
	verified->issuer = IssuerOfTokens(place->issuer);
	if (verified->issuer == NULL)
		return JWT_WRONG_ISSUER;
	verified->times = place->times;
	verified->subject = place->subject;
	verified->id = place->id;
	verified->claims = place->claims;
	verified->good_in = &place->good_in;
	return jwt_check_times(&place->times, &verified->issuer->policy, VerifyClock());
}

/* ---------------------------------------------------------------- errors */

static const struct
{
	int code;
	const char *message;
	const char *hint;
} complaints[JWT_STATUS_COUNT] = {
	[JWT_TOO_LARGE] = {TAROT_ERRCODE_TOKEN_TOO_LARGE, "the token is too large", NULL},
	[JWT_MALFORMED] = {TAROT_ERRCODE_TOKEN_MALFORMED, "the token is malformed",
					   "It is the text in three parts that the issuer gave, without \"Bearer\"."},
	[JWT_BAD_HEADER] = {TAROT_ERRCODE_TOKEN_HEADER, "the token's header is malformed", NULL},
	[JWT_UNSUPPORTED_HEADER] = {TAROT_ERRCODE_TOKEN_UNSUPPORTED,
								"the token asks for an extension that is not supported", NULL},
	[JWT_WRONG_TYPE] = {TAROT_ERRCODE_TOKEN_TYPE, "the token says that it is no JWT", NULL},
	[JWT_WRONG_ALGORITHM] = {TAROT_ERRCODE_TOKEN_ALGORITHM,
							 "the token's algorithm is not accepted of its issuer",
							 "tarot.issuer_status shows which are."},
	[JWT_UNKNOWN_KEY] = {TAROT_ERRCODE_TOKEN_KEY, "the token's issuer has no such key",
						 "If its keys changed, tarot.load_jwks() brings the new ones."},
	[JWT_BAD_SIGNATURE] = {TAROT_ERRCODE_TOKEN_SIGNATURE, "the token's signature is wrong", NULL},
	[JWT_BAD_CLAIMS] = {TAROT_ERRCODE_TOKEN_CLAIMS, "the token's claims are malformed", NULL},
	[JWT_MISSING_CLAIM] = {TAROT_ERRCODE_TOKEN_CLAIM_MISSING,
						   "the token lacks a claim that is mandatory",
						   "Those are \"exp\" and \"iat\"."},
	[JWT_WRONG_ISSUER] = {TAROT_ERRCODE_TOKEN_ISSUER, "the token's issuer is not trusted",
						  "tarot.create_issuer() trusts one."},
	[JWT_WRONG_AUDIENCE] = {TAROT_ERRCODE_TOKEN_AUDIENCE, "the token is for another audience",
							NULL},
	[JWT_TOO_LONG_LIVED] = {TAROT_ERRCODE_TOKEN_LIFETIME, "the token is valid for too long",
							"The issuer's max_age bounds the time from \"iat\" to \"exp\"."},
	[JWT_EXPIRED] = {TAROT_ERRCODE_TOKEN_EXPIRED, "the token has expired", NULL},
	[JWT_NOT_YET_VALID] = {TAROT_ERRCODE_TOKEN_NOT_YET_VALID, "the token is not valid yet", NULL},
	[JWT_ISSUED_LATER] = {TAROT_ERRCODE_TOKEN_ISSUED_LATER, "the token was issued in the future",
						  "Are the clocks right?"},
	[JWT_TOO_OLD] = {TAROT_ERRCODE_TOKEN_TOO_OLD, "the token is too old",
					 "The issuer's max_age bounds the time since \"iat\"."},
	[JWT_FAILED] = {TAROT_ERRCODE_CRYPTO_FAILURE, "the token could not be verified", NULL},
};

void
VerifyRaise(JwtStatus status)
{
	/* Nothing of the token: who it names nobody has vouched for. */
	EventReportOnce(&(SecurityEvent){.type = "AUTHENTICATION",
									 .action = "authenticate",
									 .status = EVENT_FAILURE,
									 .details = {{"reason", jwt_status_name(status)}}});
	ereport(ERROR, (errcode(complaints[status].code), errmsg("%s", complaints[status].message),
					complaints[status].hint != NULL ? errhint("%s", complaints[status].hint) : 0));
}

void
VerifyRequire(Bytes token, VerifiedToken *verified)
{
	JwtStatus status = verify_token(token, verified);

	if (status != JWT_VALID)
		VerifyRaise(status);
	StandingRequire(StandingOf(verified), verified);
}

/* ---------------------------------------------------------------- claims as the server has them */

static JsonbValue
scalar_of(const JsonValue *value)
{
	JsonbValue scalar = {.type = jbvNull};
	Bytes text;

	switch (value->kind)
	{
		case JSON_FALSE:
		case JSON_TRUE:
			scalar.type = jbvBool;
			scalar.val.boolean = value->kind == JSON_TRUE;
			break;
		case JSON_NUMBER:
			scalar.type = jbvNumeric;
			scalar.val.numeric = DatumGetNumeric(DirectFunctionCall3(
				numeric_in,
				CStringGetDatum(pnstrdup((const char *) value->text.data, value->text.len)),
				ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
			break;
		case JSON_STRING:
			text = Utf8ToServer(value->text);
			scalar.type = jbvString;
			scalar.val.string.val = (char *) text.data;
			scalar.val.string.len = (int) text.len;
			break;
		default:
			break;
	}
	return scalar;
}

static JsonbValue *
push(JsonbParseState **state, JsonbIteratorToken token, const JsonValue *value)
{
	bool is_object = value->kind == JSON_OBJECT;
	const JsonValue *item = json_first(value);
	JsonbValue scalar;

	if (!is_object && value->kind != JSON_ARRAY)
	{
		scalar = scalar_of(value);
		return pushJsonbValue(state, token, &scalar);
	}
	pushJsonbValue(state, is_object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < value->count; i++, item = json_next(item))
	{
		if (is_object)
		{
			scalar = scalar_of(&(JsonValue){.kind = JSON_STRING, .text = item->name});
			pushJsonbValue(state, WJB_KEY, &scalar);
		}
		push(state, is_object ? WJB_VALUE : WJB_ELEM, item);
	}
	return pushJsonbValue(state, is_object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

/*
 * Not by jsonb's input function, which would show the claims in an error when an
 * escaped character has no spelling in the database's encoding.
 */
Datum
VerifyClaimsAsJsonb(const JsonValue *claims)
{
	JsonbParseState *state = NULL;

	return JsonbPGetDatum(JsonbValueToJsonb(push(&state, WJB_VALUE, claims)));
}

const JsonValue *
VerifyReadClaims(Bytes claims)
{
	JsonValue *values = palloc(sizeof(JsonValue) * JWT_VALUES_MAX);

	if (json_read(claims, values, JWT_VALUES_MAX, palloc(claims.len)) != JSON_OK)
		elog(ERROR, "claims that were verified cannot be read");
	return values;
}

/* ---------------------------------------------------------------- for verify.sql */

/*
 * tarot.verify_jwt(token text) RETURNS jsonb
 */
PG_FUNCTION_INFO_V1(tarot_identity_verify_jwt);
Datum
tarot_identity_verify_jwt(PG_FUNCTION_ARGS)
{
	VerifiedToken verified;

	VerifyRequire(PG_GETARG_BYTES(0), &verified);
	PG_RETURN_DATUM(VerifyClaimsAsJsonb(VerifyReadClaims(verified.claims)));
}

/*
 * tarot.check_jwt(token text) RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_identity_check_jwt);
Datum
tarot_identity_check_jwt(PG_FUNCTION_ARGS)
{
	VerifiedToken verified;
	JwtStatus status = verify_token(PG_GETARG_BYTES(0), &verified);

	PG_RETURN_TEXT_P(cstring_to_text(status == JWT_VALID ? StandingName(StandingOf(&verified))
														 : jwt_status_name(status)));
}

static TokenAlgorithm
signing_algorithm(const Issuer *issuer)
{
	TokenAlgorithms usable = token_key_algorithms(issuer->own_key) & issuer->policy.algorithms;

	for (int i = 0; i < TOKEN_ALGORITHM_COUNT; i++)
	{
		if (usable & TOKEN_ALGORITHM_BIT(i))
			return (TokenAlgorithm) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no accepted algorithm is for the signing key of issuer \"%s\"", issuer->name),
			 errhint("tarot.alter_issuer() sets which are accepted.")));
}

/*
 * tarot.sign_claims(claims text, issuer text) RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_identity_sign_claims);
Datum
tarot_identity_sign_claims(PG_FUNCTION_ARGS)
{
	Bytes claims = Utf8FromServer(PG_GETARG_BYTES(0));
	Issuer *issuer = IssuerOfName(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	char *out = palloc(JWS_SIZE_MAX + 1);
	JwtStatus status;
	size_t size;

	if (issuer == NULL || issuer->private_key == NULL)
		elog(ERROR, "there is no such issuer, or it has no key to sign with");
	IssuerRequireKeys(issuer);
	if (!token_key_can_sign(issuer->own_key))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the key of issuer \"%s\" is for verifying alone", issuer->name)));
	status = jwt_sign(get_room(), issuer->own_key, signing_algorithm(issuer), claims, out, &size);
	if (status != JWT_VALID)
		VerifyRaise(status);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out, (int) size));
}
