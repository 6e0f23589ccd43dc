/*
 * status.h
 *		What is wrong with a token: one status a cause, for each has its own
 *		SQLSTATE.
 *
 * That they are told apart helps no forger: all before the signature depends on
 * the token alone and on what is public of the issuer, all behind it is told of
 * authentic tokens only.
 */
#ifndef TAROT_TOKEN_STATUS_H
#define TAROT_TOKEN_STATUS_H

typedef enum JwtStatus
{
	JWT_VALID = 0,

	/* Before the signature. */
	JWT_TOO_LARGE,          /* more than JWS_SIZE_MAX */
	JWT_MALFORMED,          /* not three parts of canonical base64url */
	JWT_BAD_HEADER,         /* the header is not the JSON that it must be */
	JWT_UNSUPPORTED_HEADER, /* crit, b64, zip: asks for what we do not do */
	JWT_WRONG_TYPE,         /* typ says that it is something else than a JWT */
	JWT_WRONG_ALGORITHM,    /* none, or one that is unknown or not accepted of this issuer */
	JWT_UNKNOWN_KEY,        /* the issuer has no key of this name and algorithm */

	JWT_BAD_SIGNATURE,

	/* Behind it: what the issuer itself has signed. */
	JWT_BAD_CLAIMS,    /* not the JSON they must be, or a registered claim of another form */
	JWT_MISSING_CLAIM, /* exp or iat */
	JWT_WRONG_ISSUER,
	JWT_WRONG_AUDIENCE,
	JWT_TOO_LONG_LIVED, /* exp is too far behind iat */
	JWT_EXPIRED,        /* exp */
	JWT_NOT_YET_VALID,  /* nbf */
	JWT_ISSUED_LATER,   /* iat lies ahead */
	JWT_TOO_OLD,        /* iat is too long ago */

	JWT_FAILED, /* the library refused: out of memory, no such algorithm */
	JWT_STATUS_COUNT,
} JwtStatus;

/* "wrong_audience": a stable word, as tarot.check_jwt() gives it. */
extern const char *jwt_status_name(JwtStatus status);

#endif
