/*
 * selftest.c
 *		Whether the libraries can be trusted with tokens.
 *
 * Apart from the test that keys/root.c does: where signatures are computed
 * wrongly nobody is let in, but what is encrypted is still what it was.
 */
#include "postgres.h"

#include "base/errors.h"
#include "identity/selftest.h"
#include "keys/root.h"
#include "token/selftest.h"

/* What a known-answer test did not pass; found in the postmaster, inherited by all. */
static const char *failure;

static void
report_failure(int level)
{
	ereport(
		level,
		(errcode(TAROT_ERRCODE_CRYPTO_FAILURE),
		 errmsg("tokens are disabled: known-answer test of %s failed", failure),
		 errdetail("No token is verified or signed by this server."),
		 errhint(
			 "Check the installed versions of libcrypto and libsodium, then restart the server.")));
}

void
TokenSelfTest(void)
{
	failure = token_self_test();
	if (failure != NULL)
		report_failure(LOG); /* which no setting of log_min_messages but fatal and panic hides */
}

void
TokenRequire(void)
{
	CryptoRequire();
	if (unlikely(failure != NULL))
		report_failure(ERROR);
}
