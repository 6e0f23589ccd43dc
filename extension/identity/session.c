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
#include "utils/guc.h"

#include "base/catalog.h"
#include "events/event.h"
#include "identity/session.h"
#include "identity/setting.h"
#include "identity/standing.h"

#define SETTING "tarot_security.identity"

uint64 IdentityEpoch = 1;

/* The setting; what it holds is for this folder alone. */
static char *identity_setting;
static const Identity *setting;  /* what it says, or NULL */
static const Identity *identity; /* the same; NULL for nobody */
static bool authenticating;

/* Under which epochs its bearer was last found welcome, and how long that is so. */
static uint64 checked_identity;
static uint64 checked_catalog;
static uint64 checked_standing;
static JwtPolicy checked_policy;
static Bytes checked_subject;

/* ---------------------------------------------------------------- the setting */

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
	*extra = IdentityDecode(*value);
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
}

void
IdentitySet(const char *text, bool transaction_only)
{
	authenticating = true;
	PG_TRY();
	{
		(void) set_config_option(SETTING, text, PGC_USERSET, PGC_S_SESSION,
								 transaction_only ? GUC_ACTION_LOCAL : GUC_ACTION_SET, true, 0,
								 false);
	}
	PG_FINALLY();
	{
		authenticating = false;
	}
	PG_END_TRY();
}

const Identity *
IdentitySetting(void)
{
	return setting;
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

const Identity *
IdentityRequire(void)
{
	return have_identity() ? identity : NULL;
}

/* ---------------------------------------------------------------- for other floors */

Bytes
IdentitySubject(void)
{
	return have_identity() ? VerifySubject(checked_subject, identity->subject)
						   : bytes_view(NULL, 0);
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
