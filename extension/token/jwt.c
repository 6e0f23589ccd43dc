/*
 * jwt.c
 *		Which tokens of an issuer are accepted, and what they say.
 */
#include <stdlib.h>

#include "base/secret.h"
#include "token/jwt.h"

/* Digits behind the point of a number of seconds that a microsecond has. */
#define SECOND_DIGITS 6

struct Jwt
{
	Jws jws;
	JwtStatus form;   /* what jwt_read found */
	bool claims_read; /* whether the payload's JSON was read, with this result: */
	JsonStatus claims_json;
	bool verified;
	JwtClaims claims;
	JsonValue values[JWT_VALUES_MAX];
	uint8_t strings[JWS_DECODED_MAX];
};

Jwt *
jwt_create(void)
{
	Jwt *jwt = calloc(1, sizeof(Jwt));

	if (jwt != NULL)
		jwt->form = JWT_MALFORMED;
	return jwt;
}

void
jwt_free(Jwt *jwt)
{
	if (jwt == NULL)
		return;

	/* With its signature a token is as good as a password. */
	secret_wipe(jwt, sizeof(Jwt));
	free(jwt);
}

static bool
same_bytes(Bytes a, Bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ---------------------------------------------------------------- claims */

static bool
read_claims_json(Jwt *jwt)
{
	if (!jwt->claims_read)
	{
		jwt->claims_json = json_read(jwt->jws.payload, jwt->values, JWT_VALUES_MAX, jwt->strings);
		jwt->claims_read = true;
	}
	return jwt->claims_json == JSON_OK && jwt->values[0].kind == JSON_OBJECT;
}

/*
 * NumericDate, RFC 7519, section 2: seconds, maybe with a fraction or an exponent.
 * Exact: the digits are moved, and nothing is rounded.
 */
static bool
read_numeric_date(const JsonValue *value, int64_t *micros)
{
	Bytes text = value->text;
	size_t digits = 0; /* of the number without its exponent */
	long point = 0;    /* how many of them stand before the point */
	long exponent = 0;
	bool fraction = false, negative_exponent = false;
	size_t i = 0;

	if (value->kind != JSON_NUMBER || text.data[0] == '-')
		return false;
	for (; i < text.len && text.data[i] != 'e' && text.data[i] != 'E'; i++)
	{
		if (text.data[i] == '.')
			fraction = true;
		else
		{
			digits++;
			point += !fraction;
		}
	}
	for (i++; i < text.len; i++)
	{
		if (text.data[i] == '-')
			negative_exponent = true;
		else if (text.data[i] != '+')
			exponent = exponent * 10 + (text.data[i] - '0');
	}
	point += (negative_exponent ? -exponent : exponent) + SECOND_DIGITS;

	*micros = 0;
	for (long taken = 0, at = 0; taken < point; taken++)
	{
		int digit = 0;

		if ((size_t) taken < digits)
		{
			at += text.data[at] == '.';
			digit = text.data[at++] - '0';
		}
		*micros = *micros * 10 + digit;
		if (*micros > JWT_TIME_MAX)
			return false;
	}
	return true;
}

/* A claim of time; `found` tells whether there is one. */
static bool
read_time(const JsonValue *object, const char *name, bool *found, int64_t *micros)
{
	const JsonValue *value = json_member(object, name);

	*found = value != NULL;
	*micros = 0;
	return value == NULL || read_numeric_date(value, micros);
}

/* A claim that is a name. An empty one would be a name that belongs to nobody. */
static bool
read_name(const JsonValue *object, const char *name, size_t max, Bytes *out)
{
	const JsonValue *value = json_member(object, name);

	*out = bytes_view(NULL, 0);
	if (value == NULL)
		return true;
	if (value->kind != JSON_STRING || value->text.len == 0 || value->text.len > max)
		return false;
	*out = value->text;
	return true;
}

/* aud is a string or an array of strings: RFC 7519, section 4.1.3. */
static bool
is_audience(const JsonValue *audience)
{
	const JsonValue *item;

	if (audience == NULL || audience->kind == JSON_STRING)
		return true;
	if (audience->kind != JSON_ARRAY)
		return false;
	item = json_first(audience);
	for (uint32_t i = 0; i < audience->count; i++, item = json_next(item))
	{
		if (item->kind != JSON_STRING)
			return false;
	}
	return true;
}

static JwtStatus
read_claims(Jwt *jwt, JwtClaims *claims)
{
	const JsonValue *object = jwt->values;
	bool has_expires, has_issued, has_not_before;

	if (!read_claims_json(jwt))
		return JWT_BAD_CLAIMS;
	claims->text = jwt->jws.payload;
	claims->object = object;
	if (!read_time(object, "exp", &has_expires, &claims->times.expires) ||
		!read_time(object, "iat", &has_issued, &claims->times.issued) ||
		!read_time(object, "nbf", &has_not_before, &claims->times.not_before) ||
		!read_name(object, "iss", SIZE_MAX, &claims->issuer) ||
		!read_name(object, "sub", JWT_SUBJECT_MAX, &claims->subject) ||
		!read_name(object, "jti", JWT_ID_MAX, &claims->id) ||
		!is_audience(json_member(object, "aud")))
		return JWT_BAD_CLAIMS;

	/* Without iat nobody knows how old it is. */
	return has_expires && has_issued ? JWT_VALID : JWT_MISSING_CLAIM;
}

/* ---------------------------------------------------------------- policy */

static bool
is_our_audience(Bytes audience, const JwtPolicy *policy)
{
	for (int i = 0; i < policy->naudiences; i++)
	{
		if (same_bytes(audience, policy->audiences[i]))
			return true;
	}
	return false;
}

static bool
is_for_us(const JsonValue *audience, const JwtPolicy *policy)
{
	const JsonValue *item;

	if (audience == NULL)
		return policy->naudiences == 0;
	if (audience->kind == JSON_STRING)
		return is_our_audience(audience->text, policy);
	item = json_first(audience);
	for (uint32_t i = 0; i < audience->count; i++, item = json_next(item))
	{
		if (is_our_audience(item->text, policy))
			return true;
	}
	return false;
}

JwtStatus
jwt_check_times(const JwtTimes *times, const JwtPolicy *policy, int64_t now)
{
	if (now - policy->leeway >= times->expires)
		return JWT_EXPIRED;
	if (now + policy->leeway < times->not_before)
		return JWT_NOT_YET_VALID;
	if (now + policy->leeway < times->issued)
		return JWT_ISSUED_LATER;
	if (now - policy->leeway - times->issued > policy->max_age)
		return JWT_TOO_OLD;
	if (times->expires - times->issued > policy->max_lifetime)
		return JWT_TOO_LONG_LIVED;
	return JWT_VALID;
}

/* ---------------------------------------------------------------- tokens */

JwtStatus
jwt_read(Jwt *jwt, Bytes text)
{
	jwt->verified = false;
	jwt->claims_read = false;
	jwt->claims_json = JSON_OK;
	return jwt->form = jws_read(text, &jwt->jws);
}

Bytes
jwt_unverified_issuer(Jwt *jwt)
{
	Bytes issuer = {0};

	if (jwt->form != JWT_VALID || !read_claims_json(jwt) ||
		!read_name(jwt->values, "iss", SIZE_MAX, &issuer))
		return bytes_view(NULL, 0);
	return issuer;
}

JwtStatus
jwt_verify(Jwt *jwt, TokenKey *const *keys, int nkeys, const JwtPolicy *policy, int64_t now)
{
	JwtClaims *claims = &jwt->claims;
	JwtStatus status;

	jwt->verified = false;
	if (jwt->form != JWT_VALID)
		return jwt->form;
	if ((status = jws_verify(&jwt->jws, keys, nkeys, policy->algorithms)) != JWT_VALID)
		return status;
	if ((status = read_claims(jwt, claims)) != JWT_VALID)
		return status;
	if (claims->issuer.len == 0 || !same_bytes(claims->issuer, policy->issuer))
		return JWT_WRONG_ISSUER;
	if (!is_for_us(json_member(claims->object, "aud"), policy))
		return JWT_WRONG_AUDIENCE;
	if ((status = jwt_check_times(&claims->times, policy, now)) != JWT_VALID)
		return status;
	jwt->verified = true;
	return JWT_VALID;
}

const JwtClaims *
jwt_claims(const Jwt *jwt)
{
	return jwt->verified ? &jwt->claims : NULL;
}

JsonStatus
jwt_json_status(const Jwt *jwt)
{
	return jwt->jws.json != JSON_OK ? jwt->jws.json : jwt->claims_json;
}

JwtStatus
jwt_sign(Jwt *room, TokenKey *key, TokenAlgorithm algorithm, Bytes claims,
		 char out[JWS_SIZE_MAX + 1], size_t *size)
{
	JwtClaims read;
	JwtStatus status;

	if (claims.len > JWS_DECODED_MAX)
		return JWT_TOO_LARGE;
	jwt_read(room, bytes_view(NULL, 0)); /* forgets what was there */
	room->jws.payload = claims;
	if ((status = read_claims(room, &read)) != JWT_VALID)
		return status;
	return jws_sign(key, algorithm, claims, out, size);
}
