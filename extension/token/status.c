/*
 * status.c
 *		The names of what is wrong with a token.
 */
#include "token/status.h"

static const char *const names[JWT_STATUS_COUNT] = {
	[JWT_VALID] = "valid",
	[JWT_TOO_LARGE] = "too_large",
	[JWT_MALFORMED] = "malformed",
	[JWT_BAD_HEADER] = "bad_header",
	[JWT_UNSUPPORTED_HEADER] = "unsupported_header",
	[JWT_WRONG_TYPE] = "wrong_type",
	[JWT_WRONG_ALGORITHM] = "wrong_algorithm",
	[JWT_UNKNOWN_KEY] = "unknown_key",
	[JWT_BAD_SIGNATURE] = "bad_signature",
	[JWT_BAD_CLAIMS] = "bad_claims",
	[JWT_MISSING_CLAIM] = "missing_claim",
	[JWT_WRONG_ISSUER] = "wrong_issuer",
	[JWT_WRONG_AUDIENCE] = "wrong_audience",
	[JWT_TOO_LONG_LIVED] = "too_long_lived",
	[JWT_EXPIRED] = "expired",
	[JWT_NOT_YET_VALID] = "not_yet_valid",
	[JWT_ISSUED_LATER] = "issued_later",
	[JWT_TOO_OLD] = "too_old",
	[JWT_FAILED] = "failed",
};

const char *
jwt_status_name(JwtStatus status)
{
	return names[status];
}
