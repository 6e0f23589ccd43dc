/*
 * authenticate.c
 *		Becoming somebody by a token, with the database role that it asks for,
 *		and nobody again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/acl.h"
#include "utils/guc.h"

#include "base/utf8.h"
#include "base/varlena.h"
#include "identity/session.h"
#include "identity/setting.h"

/*
 * Whether an identity may be for a session. Where a pooler hands a connection
 * on between transactions, that session is many people's, and an administrator
 * turns it off: for the role that the application connects as, say.
 */
static bool session_identity = true;

void
AuthenticateInit(void)
{
	DefineCustomBoolVariable(
		"tarot_security.session_identity",
		"Allows tarot.authenticate() with transaction_only => false.",
		"Turn it off for roles that connect through a pooler in transaction mode.",
		&session_identity, true, PGC_SUSET, 0, NULL, NULL, NULL);
}

static void
set_role(const char *role, bool transaction_only)
{
	(void) set_config_option("role", role, PGC_USERSET, PGC_S_SESSION,
							 transaction_only ? GUC_ACTION_LOCAL : GUC_ACTION_SET, true, 0, false);
}

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
	const Identity *setting = IdentitySetting();

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
	const Identity *setting = IdentitySetting();
	bool of_transaction = setting != NULL && setting->transaction_only;
	char session_outer[NAMEDATALEN];
	char outer[NAMEDATALEN] = "";

	copy_session_outer_role(session_outer);
	if (setting != NULL)
		memcpy(outer, setting->outer_role, NAMEDATALEN);
	if (!transaction_only && session_outer[0] != '\0')
		set_role(session_outer, false);
	if (outer[0] != '\0' && (transaction_only || of_transaction))
		set_role(outer, true);
}

static void
become(const VerifiedToken *token, const char *outer_role, bool transaction_only)
{
	char session_outer[NAMEDATALEN] = "";
	char *value;

	if (transaction_only)
		copy_session_outer_role(session_outer);
	value = IdentityEncode(token, outer_role, session_outer, transaction_only);
	IdentitySet(value, transaction_only);
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
			IdentitySet("", transaction_only);
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
		set_role(role, transaction_only);
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
	IdentitySet("", false);
	PG_RETURN_VOID();
}
