/*
 * jwt.h
 *		JSON Web Tokens, RFC 7519, with the advice of RFC 8725: which tokens of an
 *		issuer are accepted, and what they say.
 *
 *	Jwt *jwt = jwt_create();				once, for many tokens
 *	status = jwt_read(jwt, text);			its form
 *	jwt_unverified_issuer(jwt)				whose policy and keys to take, if there are several
 *	status = jwt_verify(jwt, keys, nkeys, &policy, now);
 *	jwt_claims(jwt)->subject ...			until the next jwt_read
 *	jwt_check_times(...)					each time that it is relied on later
 *
 * The signature is verified before any claim is looked at.
 */
#ifndef TAROT_TOKEN_JWT_H
#define TAROT_TOKEN_JWT_H

#include "token/jws.h"

/* Values in the claims: room for some hundred groups or roles. */
#define JWT_VALUES_MAX 1024

/* OpenID Connect Core, section 2, bounds sub so; jti is held to the same. */
#define JWT_SUBJECT_MAX 255
#define JWT_ID_MAX 255

/*
 * Times are microseconds since 1970-01-01 00:00 UTC. A NumericDate lies between
 * that and the end of the year 9999; what it has behind the microsecond is cut off.
 */
#define JWT_SECOND INT64_C(1000000)
#define JWT_TIME_MAX (INT64_C(253402300799) * JWT_SECOND)

/*
 * What an issuer's tokens must be. Periods are at most JWT_TIME_MAX. The issuer
 * must be named, exactly; one of the audiences too, or, if none is asked for, aud
 * must be missing (RFC 7519, section 4.1.3). exp and iat must be there.
 */
typedef struct JwtPolicy
{
	Bytes issuer;
	const Bytes *audiences;
	int naudiences;
	TokenAlgorithms algorithms;
	int64_t max_age;      /* since iat */
	int64_t max_lifetime; /* from iat to exp */
	int64_t leeway;       /* between clocks: for exp, nbf, iat and the age */
} JwtPolicy;

typedef struct JwtTimes
{
	int64_t expires;    /* exp */
	int64_t issued;     /* iat */
	int64_t not_before; /* nbf; 0 where there is none */
} JwtTimes;

typedef struct JwtClaims
{
	Bytes text; /* all of it, as it was signed: a JSON object in UTF-8 */
	const JsonValue *object;
	JwtTimes times;
	Bytes issuer;
	Bytes subject; /* len 0 where there is none, for an empty one is refused */
	Bytes id;      /* jti; likewise */
} JwtClaims;

/* A token, and room for it: some 90 kB. */
typedef struct Jwt Jwt;

extern Jwt *jwt_create(void); /* NULL without memory */
extern void jwt_free(Jwt *jwt);

/* The text must stay until jwt_verify. Anything but JWT_VALID is jwt_verify's answer too. */
extern JwtStatus jwt_read(Jwt *jwt, Bytes text);

/*
 * What the token says of its issuer, before anything is verified: to choose the
 * policy that jwt_verify is given, which then compares, and for nothing else.
 * len 0 where it says nothing that could be right.
 */
extern Bytes jwt_unverified_issuer(Jwt *jwt);

extern JwtStatus
jwt_verify(Jwt *jwt, TokenKey *const *keys, int nkeys, const JwtPolicy *policy, int64_t now);

/* NULL unless jwt_verify found it valid. Views into jwt. */
extern const JwtClaims *jwt_claims(const Jwt *jwt);

/* More about JWT_BAD_HEADER and JWT_BAD_CLAIMS: JSON_OK where it was JSON, but not the right. */
extern JsonStatus jwt_json_status(const Jwt *jwt);

/* The part of jwt_verify that changes with time: for claims that are kept. */
extern JwtStatus jwt_check_times(const JwtTimes *times, const JwtPolicy *policy, int64_t now);

/*
 * Signs claims. They are UTF-8 and read as strictly as those of others:
 * JWT_BAD_CLAIMS is what no verifier like this one would take. Otherwise as jws_sign.
 */
extern JwtStatus jwt_sign(Jwt *room, TokenKey *key, TokenAlgorithm algorithm, Bytes claims,
						  char out[JWS_SIZE_MAX + 1], size_t *size);

#endif
