/*
 * session.c
 *		Who the session is: claims of a verified token, which no SQL can forge.
 *
 * They are the value of a setting, for settings do all that an identity has to:
 * they end with a transaction, come back with a savepoint, reach parallel
 * workers, and go with RESET and DISCARD ALL. Its check hook takes a value from
 * two writers alone, tarot.authenticate() and the start of a parallel worker;
 * from anybody else nothing but the empty one, which is nobody. So neither SET
 * nor set_config(), a function's SET, ALTER ROLE, PGOPTIONS or a superuser
 * makes anybody anyone.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "crypto/encoding.h"
#include "events/event.h"
#include "identity/session.h"
#include "identity/standing.h"

#define SETTING "tarot_security.identity"

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

uint64 IdentityEpoch = 1;

/* The setting; what it holds is for this file alone. */
static char *identity_setting;
static const Identity *setting;  /* what it says, or NULL */
static const Identity *identity; /* the same; NULL for nobody */
static bool authenticating;

/*
 * Whether an identity may be for a session. Where a pooler hands a connection
 * on between transactions, that session is many people's, and an administrator
 * turns it off: for the role that the application connects as, say.
 */
static bool session_identity = true;

/* Under which epochs its bearer was last found welcome, and how long that is so. */
static uint64 checked_identity;
static uint64 checked_catalog;
static uint64 checked_standing;
static JwtPolicy checked_policy;
static Bytes checked_subject;

/* ---------------------------------------------------------------- the setting */

/*
 * The text: base64url of a head, a dot, and that of the claims. ASCII in any
 * encoding of the database. The head: three times of the token and that of its
 * issuer, whether it is for the transaction alone, the two outer roles with zeros
 * behind them, how long "iss" is, that, and the issuer's prefix of subjects. Nobody has zeros for
 * them, and no claims.
 */
#define TIMES_SIZE 32
#define ISSUER_SIZE_AT (TIMES_SIZE + 1 + 2 * NAMEDATALEN)
#define HEAD_SIZE (ISSUER_SIZE_AT + 8)

static char *
encode_identity(const VerifiedToken *token, const char *outer_role, const char *session_outer_role,
				bool transaction_only)
{
	Bytes issuer = token->issuer != NULL ? token->issuer->policy.issuer : bytes_view(NULL, 0);
	Bytes prefix = token->issuer != NULL ? token->issuer->subject_prefix : bytes_view(NULL, 0);
	size_t head_size = HEAD_SIZE + issuer.len + prefix.len;
	uint8 *head = palloc0(head_size);
	size_t head_text = base64url_encoded_size(head_size);
	char *out = palloc(head_text + 1 + base64url_encoded_size(token->claims.len) + 1);

	bytes_put_u64(head, (uint64) token->times.expires);
	bytes_put_u64(head + 8, (uint64) token->times.issued);
	bytes_put_u64(head + 16, (uint64) token->times.not_before);
	bytes_put_u64(head + 24, token->issuer != NULL ? (uint64) token->issuer->created_at : 0);
	head[TIMES_SIZE] = transaction_only;
	strlcpy((char *) head + TIMES_SIZE + 1, outer_role, NAMEDATALEN);
	strlcpy((char *) head + TIMES_SIZE + 1 + NAMEDATALEN, session_outer_role, NAMEDATALEN);
	bytes_put_u64(head + ISSUER_SIZE_AT, issuer.len);
	if (issuer.len > 0)
		memcpy(head + HEAD_SIZE, issuer.data, issuer.len);
	if (prefix.len > 0)
		memcpy(head + HEAD_SIZE + issuer.len, prefix.data, prefix.len);
	base64url_encode(bytes_view(head, head_size), out);
	out[head_text] = '.';
	base64url_encode(token->claims, out + head_text + 1);
	return out;
}

static Bytes
string_member(const JsonValue *object, const char *name)
{
	const JsonValue *value = json_member(object, name);

	return value != NULL && value->kind == JSON_STRING ? value->text : bytes_view(NULL, 0);
}

/* Raises nothing, and its result is the settings': a check hook calls it. NULL for what is no
 * identity. */
static Identity *
decode_identity(const char *text)
{
	const char *dot = strchr(text, '.');
	size_t text_size = strlen(text);
	size_t room = base64url_decoded_bound(text_size) + 1;
	size_t values_size = sizeof(JsonValue) * JWT_VALUES_MAX;
	size_t head_size;
	size_t claims_size;
	Identity *out;
	uint8 *head;
	uint8 *claims;
	JsonValue *values;

	if (dot == NULL || (out = compat_guc_malloc(sizeof(Identity) + values_size + 3 * room)) == NULL)
		return NULL;
	values = (JsonValue *) (out + 1);
	head = (uint8 *) (values + JWT_VALUES_MAX);
	claims = head + room;
	if (!base64url_decode(bytes_view(text, dot - text), head, &head_size) ||
		head_size < HEAD_SIZE || bytes_get_u64(head + ISSUER_SIZE_AT) > head_size - HEAD_SIZE ||
		!base64url_decode(bytes_view(dot + 1, text_size - (dot + 1 - text)), claims,
						  &claims_size) ||
		(claims_size > 0 && (json_read(bytes_view(claims, claims_size), values, JWT_VALUES_MAX,
									   claims + room) != JSON_OK ||
							 values[0].kind != JSON_OBJECT)))
	{
		compat_guc_free(out);
		return NULL;
	}
	out->times.expires = (int64) bytes_get_u64(head);
	out->times.issued = (int64) bytes_get_u64(head + 8);
	out->times.not_before = (int64) bytes_get_u64(head + 16);
	out->issuer_created = (int64) bytes_get_u64(head + 24);
	out->transaction_only = head[TIMES_SIZE] != 0;
	memcpy(out->outer_role, head + TIMES_SIZE + 1, NAMEDATALEN);
	memcpy(out->session_outer_role, head + TIMES_SIZE + 1 + NAMEDATALEN, NAMEDATALEN);
	out->issuer = bytes_view(head + HEAD_SIZE, bytes_get_u64(head + ISSUER_SIZE_AT));
	out->prefix =
		bytes_view(out->issuer.data + out->issuer.len, head_size - HEAD_SIZE - out->issuer.len);
	out->object = NULL;
	out->subject = out->id = bytes_view(NULL, 0);
	if (claims_size > 0)
	{
		out->object = values;
		out->subject = string_member(values, "sub");
		out->id = string_member(values, "jti");
	}
	return out;
}

static bool
check_identity(char **value, void **extra, GucSource source)
{
	(void) source;
	if (*value == NULL || **value == '\0')
		return true;
	if (!authenticating && !InitializingParallelWorker)
	{
		GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
		GUC_check_errmsg("the identity of a session cannot be set");
		GUC_check_errdetail("It is known by a token alone.");
		GUC_check_errhint("Call tarot.authenticate().");
		return false;
	}
	*extra = decode_identity(*value);
	if (*extra != NULL)
		return true;

	/* Without a message of ours the server's would show the claims. */
	GUC_check_errcode(ERRCODE_OUT_OF_MEMORY);
	GUC_check_errmsg("the identity of a session cannot be kept");
	return false;
}

static void
assign_identity(const char *value, void *extra)
{
	(void) value;
	setting = extra;
	identity = setting != NULL && setting->object != NULL ? setting : NULL;
	IdentityEpoch++;
}

/* Claims are for tarot.claims(), which asks whether they still hold. */
static const char *
show_identity(void)
{
	return identity != NULL ? "authenticated" : "";
}

/* Whether the token still holds is not asked: it was this bearer's, and that is the matter. */
static bool
subject_for_events(Bytes *prefix, Bytes *subject)
{
	if (identity == NULL)
		return false;
	*prefix = identity->prefix;
	*subject = identity->subject;
	return true;
}

void
IdentityInit(void)
{
	EventSubject = subject_for_events;
	DefineCustomStringVariable(
		SETTING, "The verified claims of the session, as tarot.authenticate() left them.",
		"Nobody can set it but to the empty value, which is nobody.", &identity_setting, "",
		PGC_USERSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, check_identity,
		assign_identity, show_identity);
	DefineCustomBoolVariable(
		"tarot_security.session_identity",
		"Allows tarot.authenticate() with transaction_only => false.",
		"Turn it off for roles that connect through a pooler in transaction mode.",
		&session_identity, true, PGC_SUSET, 0, NULL, NULL, NULL);
}

static void
set_setting(const char *name, const char *value, bool transaction_only)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 transaction_only ? GUC_ACTION_LOCAL : GUC_ACTION_SET, true, 0, false);
}

static void
set_identity(const char *value, bool transaction_only)
{
	authenticating = true;
	PG_TRY();
	{
		set_setting(SETTING, value, transaction_only);
	}
	PG_FINALLY();
	{
		authenticating = false;
	}
	PG_END_TRY();
}

/* ---------------------------------------------------------------- asking it */

static void
look_again(void)
{
	VerifiedToken token = {
		.times = identity->times, .subject = identity->subject, .id = identity->id};

	/*
	 * Taken before anything is read: what changes meanwhile is asked next time.
	 * The prefix is kept as long as no other epoch makes the issuers be read anew.
	 */
	uint64 catalog = CatalogEpoch;
	uint64 standing = StandingEpoch;

	/* Another issuer may have its "iss" by now, and did not vouch for it. */
	token.issuer = IssuerOfTokens(identity->issuer);
	if (token.issuer == NULL || token.issuer->created_at != identity->issuer_created)
		VerifyRaise(JWT_WRONG_ISSUER);
	StandingRequire(StandingOf(&token), &token);
	checked_policy = (JwtPolicy){.max_age = token.issuer->policy.max_age,
								 .max_lifetime = token.issuer->policy.max_lifetime,
								 .leeway = token.issuer->policy.leeway};
	checked_subject = token.issuer->subject_prefix;
	checked_identity = IdentityEpoch;
	checked_catalog = catalog;
	checked_standing = standing;
}

/* Raises unless the identity is still good. False: nobody has authenticated. */
static inline bool
holds_at(int64 *now)
{
	JwtStatus status;

	if (identity == NULL)
		return false;
	if (unlikely(checked_identity != IdentityEpoch || checked_catalog != CatalogEpoch ||
				 checked_standing != StandingEpoch))
		look_again();

	/* Good then and good later means good now: only near an end has the real clock to be read. */
	*now = VerifyCoarseClock();
	if (likely(jwt_check_times(&identity->times, &checked_policy, *now) == JWT_VALID &&
			   jwt_check_times(&identity->times, &checked_policy, *now + VERIFY_CLOCK_LAG) ==
				   JWT_VALID))
		return true;
	*now = VerifyClock();
	status = jwt_check_times(&identity->times, &checked_policy, *now);
	if (status != JWT_VALID)
		VerifyRaise(status);
	return true;
}

static inline bool
have_identity(void)
{
	int64 now;

	return holds_at(&now);
}

/* ---------------------------------------------------------------- for other floors */

Bytes
IdentitySubject(void)
{
	uint8 *subject;

	if (!have_identity() || identity->subject.len == 0)
		return bytes_view(NULL, 0);
	if (checked_subject.len == 0)
		return identity->subject;
	subject = palloc(checked_subject.len + identity->subject.len);
	memcpy(subject, checked_subject.data, checked_subject.len);
	memcpy(subject + checked_subject.len, identity->subject.data, identity->subject.len);
	return bytes_view(subject, checked_subject.len + identity->subject.len);
}

bool
IdentityHolds(int64 *now)
{
	return holds_at(now);
}

const Issuer *
IdentityIssuer(void)
{
	const Issuer *issuer = IssuerOfTokens(identity->issuer);

	if (issuer == NULL)
		VerifyRaise(JWT_WRONG_ISSUER);
	return issuer;
}

const JsonValue *
IdentityClaim(const char *name)
{
	return json_member(identity->object, name);
}

/* ---------------------------------------------------------------- for session.sql */

/* The database role that a token asks for, if its issuer's may; NULL when it asks for none. */
static const char *
role_of_token(const VerifiedToken *token)
{
	const Issuer *issuer = token->issuer;
	const JsonValue *claim =
		issuer->database_role_claim != NULL
			? json_member(VerifyReadClaims(token->claims), issuer->database_role_claim)
			: NULL;
	const char *role = NULL;

	if (claim == NULL || claim->kind == JSON_NULL)
		return NULL;
	for (int i = 0; i < issuer->ndatabase_roles && claim->kind == JSON_STRING; i++)
	{
		Bytes allowed = Utf8FromServer(bytes_of_string(issuer->database_roles[i]));

		if (allowed.len == claim->text.len &&
			memcmp(allowed.data, claim->text.data, allowed.len) == 0)
			role = issuer->database_roles[i];
	}

	/* It may have become a superuser since it was listed. */
	if (role == NULL || superuser_arg(get_role_oid(role, true)))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("the token asks for a database role that its issuer may not give"),
						errhint("tarot.alter_issuer() sets which it may.")));
	return role;
}

/* The database role before the session's identity took one; empty where it took none. */
static void
copy_session_outer_role(char role[NAMEDATALEN])
{
	if (setting == NULL)
		role[0] = '\0';
	else
		memcpy(role, setting->transaction_only ? setting->session_outer_role : setting->outer_role,
			   NAMEDATALEN);
}

/*
 * The role that an identity took goes with it: the next one may not be allowed
 * it. For the session that of the session's identity goes, too, which the
 * transaction's hides.
 */
static void
leave_role(bool transaction_only)
{
	bool of_transaction = setting != NULL && setting->transaction_only;
	char session_outer[NAMEDATALEN];
	char outer[NAMEDATALEN] = "";

	copy_session_outer_role(session_outer);
	if (setting != NULL)
		memcpy(outer, setting->outer_role, NAMEDATALEN);
	if (!transaction_only && session_outer[0] != '\0')
		set_setting("role", session_outer, false);
	if (outer[0] != '\0' && (transaction_only || of_transaction))
		set_setting("role", outer, true);
}

static void
become(const VerifiedToken *token, const char *outer_role, bool transaction_only)
{
	char session_outer[NAMEDATALEN] = "";
	char *value;

	if (transaction_only)
		copy_session_outer_role(session_outer);
	value = encode_identity(token, outer_role, session_outer, transaction_only);
	set_identity(value, transaction_only);
	pfree(value);
}

/*
 * tarot.authenticate(token text, transaction_only boolean) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_identity_authenticate);
Datum
tarot_identity_authenticate(PG_FUNCTION_ARGS)
{
	bool transaction_only = PG_ARGISNULL(1) || PG_GETARG_BOOL(1);
	text *token;
	VerifiedToken verified;
	const char *role;

	/* A request without a token is nobody's, whoever was there before. */
	if (PG_ARGISNULL(0))
	{
		char hidden[NAMEDATALEN];

		copy_session_outer_role(hidden);
		leave_role(transaction_only);
		if (transaction_only && hidden[0] != '\0')
			become(&(VerifiedToken){0}, "", true);
		else
			set_identity("", transaction_only);
		PG_RETURN_VOID();
	}

	if (!transaction_only && !session_identity)
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to authenticate for longer than a transaction"),
			 errdetail("tarot_security.session_identity is off."),
			 errhint("Call tarot.authenticate() in each transaction, without transaction_only.")));
	token = PG_GETARG_TEXT_PP(0);
	VerifyRequire(BytesOfVarlena(token), &verified);
	if (transaction_only && !IsTransactionBlock())
		ereport(WARNING, (errcode(ERRCODE_NO_ACTIVE_SQL_TRANSACTION),
						  errmsg("the identity ends with this statement"),
						  errhint("Begin a transaction first, or say transaction_only => false.")));
	role = role_of_token(&verified);
	leave_role(transaction_only);
	become(&verified, role != NULL ? GetConfigOption("role", false, false) : "", transaction_only);
	if (role != NULL)
		set_setting("role", role, transaction_only);
	PG_RETURN_VOID();
}

/*
 * tarot.sign_out() RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_identity_sign_out);
Datum
tarot_identity_sign_out(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	leave_role(false);
	set_identity("", false);
	PG_RETURN_VOID();
}

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
	RETURN_TEXT_OR_NULL(have_identity() ? identity->issuer : bytes_view(NULL, 0));
}

/*
 * tarot.token_id() RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_identity_token_id);
Datum
tarot_identity_token_id(PG_FUNCTION_ARGS)
{
	RETURN_TEXT_OR_NULL(have_identity() ? identity->id : bytes_view(NULL, 0));
}

/*
 * tarot.expires_at() RETURNS timestamptz
 */
PG_FUNCTION_INFO_V1(tarot_identity_expires_at);
Datum
tarot_identity_expires_at(PG_FUNCTION_ARGS)
{
	if (!have_identity())
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
	if (!have_identity())
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
	const JsonValue *member;

	if (!have_identity())
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
