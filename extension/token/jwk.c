/*
 * jwk.c
 *		Keys from JSON Web Keys and sets of them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "token/json.h"
#include "token/jwk.h"

/* RFC 7638, section 3.2: the required members of the largest key. */
#define THUMBPRINT_INPUT_MAX (TOKEN_SIGNATURE_MAX / 3 * 4 + 128)

/* A key has no more numbers than RSA's eight. */
#define NUMBERS_MAX 8

/* RFC 7517, section 4.3, knows eight. Each is compared with all before it. */
#define OPERATIONS_MAX 16

/* Room for one text: its values, and in secret memory what is unescaped and decoded. */
typedef struct Room
{
	JsonValue *values;
	uint8_t *strings;
	uint8_t *decoded;      /* of one key at a time */
	uint8_t *next_decoded; /* behind the last number */
} Room;

static bool
room_open(Room *room, size_t text_size)
{
	size_t decoded_size = base64url_decoded_bound(text_size) + 2 * NUMBERS_MAX;

	room->values = malloc(JWK_VALUES_MAX * sizeof(JsonValue));
	room->strings = secret_alloc(text_size + decoded_size);
	room->decoded = room->strings == NULL ? NULL : room->strings + text_size;
	return room->values != NULL && room->strings != NULL;
}

static void
room_close(Room *room)
{
	free(room->values);
	secret_free(room->strings);
}

static bool
is_present(const JsonValue *jwk, const char *name)
{
	return json_member(jwk, name) != NULL;
}

/* ---------------------------------------------------------------- members */

/* A number, or bytes. Absent it has no length; present it must have some. */
static bool
read_number(Room *room, const JsonValue *jwk, const char *name, Bytes *out)
{
	const JsonValue *value = json_member(jwk, name);
	size_t size;

	*out = bytes_view(NULL, 0);
	if (value == NULL)
		return true;
	if (value->kind != JSON_STRING || value->text.len == 0 ||
		!base64url_decode(value->text, room->next_decoded, &size))
		return false;
	*out = bytes_view(room->next_decoded, size);
	room->next_decoded += size;
	return true;
}

/* Whether "key_ops", if there is one, lists this; RFC 7517, section 4.3: each at most once. */
static TokenKeyStatus
find_operation(const JsonValue *jwk, const char *operation, bool *found)
{
	const JsonValue *list = json_member(jwk, "key_ops");
	const JsonValue *item, *other;

	*found = list == NULL;
	if (list == NULL)
		return TOKEN_KEY_OK;
	if (list->kind != JSON_ARRAY || list->count > OPERATIONS_MAX)
		return TOKEN_KEY_MALFORMED;
	item = json_first(list);
	for (uint32_t i = 0; i < list->count; i++, item = json_next(item))
	{
		if (item->kind != JSON_STRING)
			return TOKEN_KEY_MALFORMED;
		other = json_first(list);
		for (uint32_t j = 0; j < i; j++, other = json_next(other))
		{
			if (other->text.len == item->text.len &&
				memcmp(other->text.data, item->text.data, item->text.len) == 0)
				return TOKEN_KEY_MALFORMED;
		}
		if (json_is_string(item, operation))
			*found = true;
	}
	return TOKEN_KEY_OK;
}

/* What the key says that it is for. */
static TokenKeyStatus
read_uses(const JsonValue *jwk, bool *signs, bool *verifies, TokenAlgorithms *algorithms)
{
	const JsonValue *use = json_member(jwk, "use");
	const JsonValue *name = json_member(jwk, "alg");
	TokenAlgorithm algorithm;
	TokenKeyStatus status;

	if ((use != NULL && use->kind != JSON_STRING) || (name != NULL && name->kind != JSON_STRING))
		return TOKEN_KEY_MALFORMED;
	if ((status = find_operation(jwk, "sign", signs)) != TOKEN_KEY_OK ||
		(status = find_operation(jwk, "verify", verifies)) != TOKEN_KEY_OK)
		return status;
	*algorithms = TOKEN_ALGORITHMS_ALL;
	if (name != NULL)
	{
		if (!token_algorithm_find(name->text, &algorithm))
			return TOKEN_KEY_UNSUPPORTED;
		*algorithms = TOKEN_ALGORITHM_BIT(algorithm);
	}
	return use == NULL || json_is_string(use, "sig") ? TOKEN_KEY_OK : TOKEN_KEY_UNSUPPORTED;
}

/* ---------------------------------------------------------------- kinds */

static TokenKeyStatus
read_rsa(Room *room, const JsonValue *jwk, TokenAlgorithms algorithms, TokenKey **key)
{
	TokenRsa rsa;

	if (!read_number(room, jwk, "n", &rsa.n) || !read_number(room, jwk, "e", &rsa.e) ||
		!read_number(room, jwk, "d", &rsa.d) || !read_number(room, jwk, "p", &rsa.p) ||
		!read_number(room, jwk, "q", &rsa.q) || !read_number(room, jwk, "dp", &rsa.dp) ||
		!read_number(room, jwk, "dq", &rsa.dq) || !read_number(room, jwk, "qi", &rsa.qi))
		return TOKEN_KEY_MALFORMED;

	/* More than two primes, RFC 7518, section 6.3.2.7: nobody uses it. */
	if (is_present(jwk, "oth"))
		return TOKEN_KEY_UNSUPPORTED;
	return token_key_from_rsa(&rsa, algorithms, key);
}

static TokenKeyStatus
read_ec(Room *room, const JsonValue *jwk, TokenAlgorithms algorithms, TokenKey **key)
{
	const JsonValue *curve = json_member(jwk, "crv");
	TokenAlgorithm of_curve;
	Bytes x, y, d;

	if (curve == NULL || curve->kind != JSON_STRING)
		return TOKEN_KEY_MALFORMED;
	if (json_is_string(curve, "P-256"))
		of_curve = TOKEN_ES256;
	else if (json_is_string(curve, "P-384"))
		of_curve = TOKEN_ES384;
	else if (json_is_string(curve, "P-521"))
		of_curve = TOKEN_ES512;
	else
		return TOKEN_KEY_UNSUPPORTED;
	if (!read_number(room, jwk, "x", &x) || !read_number(room, jwk, "y", &y) ||
		!read_number(room, jwk, "d", &d))
		return TOKEN_KEY_MALFORMED;
	return token_key_from_ec(of_curve, x, y, d, algorithms, key);
}

static TokenKeyStatus
read_okp(Room *room, const JsonValue *jwk, TokenAlgorithms algorithms, TokenKey **key)
{
	const JsonValue *curve = json_member(jwk, "crv");
	Bytes x, d;

	if (curve == NULL || curve->kind != JSON_STRING)
		return TOKEN_KEY_MALFORMED;
	if (!json_is_string(curve, "Ed25519"))
		return TOKEN_KEY_UNSUPPORTED;
	if (!read_number(room, jwk, "x", &x) || !read_number(room, jwk, "d", &d))
		return TOKEN_KEY_MALFORMED;
	return token_key_from_ed25519(x, d, algorithms, key);
}

static TokenKeyStatus
read_oct(Room *room, const JsonValue *jwk, TokenAlgorithms algorithms, TokenKey **key)
{
	Bytes secret;

	if (!read_number(room, jwk, "k", &secret) || secret.len == 0)
		return TOKEN_KEY_MALFORMED;
	return token_key_from_secret(secret, algorithms, key);
}

/*
 * RFC 7638: SHA-256 over the required members in the order of their names. Their
 * values need no escape: they were base64url, or a curve's name that we know.
 * None of a secret: it would be a hash of it.
 */
static bool
set_thumbprint(const JsonValue *jwk, TokenKey *key)
{
	static const char *const rsa[] = {"e", "kty", "n", NULL};
	static const char *const ec[] = {"crv", "kty", "x", "y", NULL};
	static const char *const okp[] = {"crv", "kty", "x", NULL};
	const JsonValue *kind = json_member(jwk, "kty");
	const char *const *name = json_is_string(kind, "RSA")  ? rsa
							  : json_is_string(kind, "EC") ? ec
														   : okp;
	char input[THUMBPRINT_INPUT_MAX];
	char thumbprint[TOKEN_THUMBPRINT_SIZE + 1];
	uint8_t digest[HASH_SIZE];
	size_t size = 0;

	for (; *name != NULL; name++)
	{
		Bytes text = json_member(jwk, *name)->text;

		size += (size_t) snprintf(input + size, sizeof(input) - size, "%c\"%s\":\"%.*s\"",
								  size == 0 ? '{' : ',', *name, (int) text.len, text.data);
	}
	input[size++] = '}';
	if (hash_sha256(bytes_view(input, size), digest) != CRYPTO_OK)
		return false;
	base64url_encode(bytes_view(digest, sizeof(digest)), thumbprint);
	token_key_set_thumbprint(key, thumbprint);
	return true;
}

/* ---------------------------------------------------------------- keys */

/* Whether the key has a member that only a private or a symmetric one has, of whatever kind. */
static bool
is_secret(const JsonValue *jwk)
{
	static const char *const names[] = {"d",  "p",   "q", "dp",   "dq",
										"qi", "oth", "k", "priv", /* of post-quantum keys */
										NULL};

	for (const char *const *name = names; *name != NULL; name++)
	{
		if (is_present(jwk, *name))
			return true;
	}
	return json_is_string(json_member(jwk, "kty"), "oct");
}

/* A key of either sort: what its kind and its own words allow. */
static TokenKeyStatus
read_key(Room *room, const JsonValue *jwk, bool *signs, bool *verifies, TokenKey **key)
{
	const JsonValue *kind = json_member(jwk, "kty");
	const JsonValue *id = json_member(jwk, "kid");
	TokenAlgorithms algorithms;
	TokenKeyStatus status;

	*key = NULL;
	room->next_decoded = room->decoded;
	if (jwk->kind != JSON_OBJECT || kind == NULL || kind->kind != JSON_STRING ||
		(id != NULL && id->kind != JSON_STRING))
		return TOKEN_KEY_MALFORMED;
	if ((status = read_uses(jwk, signs, verifies, &algorithms)) != TOKEN_KEY_OK)
		return status;
	if (json_is_string(kind, "RSA"))
		status = read_rsa(room, jwk, algorithms, key);
	else if (json_is_string(kind, "EC"))
		status = read_ec(room, jwk, algorithms, key);
	else if (json_is_string(kind, "OKP"))
		status = read_okp(room, jwk, algorithms, key);
	else if (json_is_string(kind, "oct"))
		status = read_oct(room, jwk, algorithms, key);
	else
		status = TOKEN_KEY_UNSUPPORTED;
	if (status != TOKEN_KEY_OK)
		return status;

	if (id != NULL && !token_key_set_id(*key, id->text))
		status = TOKEN_KEY_TOO_LARGE;
	else if (!json_is_string(kind, "oct") && !set_thumbprint(jwk, *key))
		status = TOKEN_KEY_FAILED;
	if (status != TOKEN_KEY_OK)
	{
		token_key_free(*key);
		*key = NULL;
	}
	return status;
}

static TokenKeyStatus
read_public_key(Room *room, const JsonValue *jwk, TokenKey **key)
{
	bool signs, verifies;
	TokenKeyStatus status;

	*key = NULL;
	if (is_secret(jwk))
		return TOKEN_KEY_SECRET;
	status = read_key(room, jwk, &signs, &verifies, key);
	if (status == TOKEN_KEY_OK && !verifies)
	{
		token_key_free(*key);
		*key = NULL;
		status = TOKEN_KEY_UNSUPPORTED;
	}
	return status;
}

static TokenKeyStatus
read_public_keys(Room *room, const JsonValue *list, JwkSet *set, int *where)
{
	const JsonValue *jwk = json_first(list);

	for (uint32_t i = 0; i < list->count; i++, jwk = json_next(jwk))
	{
		TokenKey *key;
		TokenKeyStatus status = read_public_key(room, jwk, &key);

		if (status == TOKEN_KEY_UNSUPPORTED)
			continue;
		*where = (int) i;
		if (status != TOKEN_KEY_OK)
			return status;
		if (set->count == JWK_SET_MAX)
		{
			token_key_free(key);
			return TOKEN_KEY_TOO_MANY;
		}
		set->keys[set->count++] = key;
	}
	*where = -1;
	return set->count > 0 ? TOKEN_KEY_OK : TOKEN_KEY_NONE;
}

TokenKeyStatus
jwk_set_read(Bytes json, JwkSet *set, int *where)
{
	TokenKeyStatus status;
	const JsonValue *list;
	Room room;

	*set = (JwkSet){0};
	*where = -1;
	if (json.len > JWK_TEXT_MAX)
		return TOKEN_KEY_TOO_LARGE;
	if (!room_open(&room, json.len))
		status = TOKEN_KEY_FAILED;
	else if (json_read(json, room.values, JWK_VALUES_MAX, room.strings) != JSON_OK)
		status = TOKEN_KEY_MALFORMED;
	else if ((list = json_member(room.values, "keys")) != NULL)
		status = list->kind != JSON_ARRAY ? TOKEN_KEY_MALFORMED
										  : read_public_keys(&room, list, set, where);
	else if ((status = read_public_key(&room, room.values, &set->keys[0])) == TOKEN_KEY_OK)
		set->count = 1;
	room_close(&room);
	if (status != TOKEN_KEY_OK)
		jwk_set_free(set);
	return status;
}

void
jwk_set_free(JwkSet *set)
{
	for (int i = 0; i < set->count; i++)
		token_key_free(set->keys[i]);
	*set = (JwkSet){0};
}

TokenKeyStatus
jwk_read_secret(Bytes json, TokenKey **key)
{
	bool signs = false, verifies = false;
	TokenKeyStatus status;
	Room room;

	*key = NULL;
	if (json.len > JWK_TEXT_MAX)
		return TOKEN_KEY_TOO_LARGE;
	if (!room_open(&room, json.len))
		status = TOKEN_KEY_FAILED;
	else if (json_read(json, room.values, JWK_VALUES_MAX, room.strings) != JSON_OK)
		status = TOKEN_KEY_MALFORMED;
	else
		status = read_key(&room, room.values, &signs, &verifies, key);
	room_close(&room);
	if (status != TOKEN_KEY_OK)
		return status;

	if (!token_key_can_sign(*key))
		status = TOKEN_KEY_NOT_SECRET;
	else if (!signs && !verifies)
		status = TOKEN_KEY_UNSUPPORTED;
	if (status != TOKEN_KEY_OK)
	{
		token_key_free(*key);
		*key = NULL;
	}
	else if (!signs)
		token_key_forbid_signing(*key);
	return status;
}
