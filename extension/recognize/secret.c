/*
 * secret.c
 *		Tokens, keys and hashes of passwords, by the prefixes that are published
 *		so that they be found.
 */
#include "crypto/encoding.h"
#include "recognize/recognize.h"
#include "token/json.h"

/* The first byte alone tells most apart. */
static inline bool
begins(Bytes text, const char *prefix)
{
	return text.len > 0 && text.data[0] == (uint8_t) prefix[0] && text.len >= strlen(prefix) &&
		   memcmp(text.data, prefix, strlen(prefix)) == 0;
}

static bool
is_alphanumeric(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
		   (byte >= 'a' && byte <= 'z');
}

static bool
is_base64url(uint8_t byte)
{
	return is_alphanumeric(byte) || byte == '-' || byte == '_';
}

/* How many bytes from `at` on are of base64url. */
static size_t
run_of(Bytes text, size_t at)
{
	size_t start = at;

	while (at < text.len && is_base64url(text.data[at]))
		at++;
	return at - start;
}

/* ------------------------------------------------------------ JWT */

/* Of headers: RFC 7515 gives no limit; ours are below 200 bytes, one with a certificate has more.
 */
#define HEADER_MAX 1024

/* RFC 7515, 3.1 and RFC 7516, 3.1: three or five parts, the first a JSON object with "alg". */
bool
like_token(Bytes text)
{
	uint8_t header[HEADER_MAX];
	uint8_t strings[HEADER_MAX];
	JsonValue values[64];
	size_t first = run_of(text, 0);
	size_t size;
	size_t parts = 1;
	const JsonValue *algorithm;

	if (first < 12 || first > HEADER_MAX || first == text.len || !begins(text, "eyJ"))
		return false;
	for (size_t at = first; at < text.len; parts++)
	{
		if (text.data[at] != '.')
			return false;
		at++;
		at += run_of(text, at);
	}
	if ((parts != 3 && parts != 5) ||
		!base64url_decode(bytes_view(text.data, first), header, &size) ||
		json_read(bytes_view(header, size), values, sizeof(values) / sizeof(values[0]), strings) !=
			JSON_OK)
		return false;
	algorithm = json_member(values, "alg");
	return algorithm != NULL && algorithm->kind == JSON_STRING;
}

/* ------------------------------------------------------------ private keys */

/*
 * RFC 7468, 10 and 11, and what OpenSSL, OpenSSH, GnuPG and PuTTY write. A key
 * stands at the beginning of a text or of a line, and has a body.
 */
bool
like_private_key(Bytes text)
{
	static const char *const labels[] = {
		"-----BEGIN PRIVATE KEY-----",           "-----BEGIN ENCRYPTED PRIVATE KEY-----",
		"-----BEGIN RSA PRIVATE KEY-----",       "-----BEGIN EC PRIVATE KEY-----",
		"-----BEGIN DSA PRIVATE KEY-----",       "-----BEGIN OPENSSH PRIVATE KEY-----",
		"-----BEGIN PGP PRIVATE KEY BLOCK-----",
	};

	if (begins(text, "AGE-SECRET-KEY-1"))
		return run_of(text, 0) >= 70;
	if (begins(text, "PuTTY-User-Key-File-"))
		return true;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
	{
		if (begins(text, labels[i]))
			return text.len > strlen(labels[i]) + 16;
	}
	return false;
}

/* The length of a DER element at `at` with this tag; *body is where its content begins. */
static bool
der_element(Bytes bytes, size_t at, uint8_t tag, size_t *body, size_t *size)
{
	size_t octets;

	if (at + 2 > bytes.len || bytes.data[at] != tag)
		return false;
	*size = bytes.data[at + 1];
	*body = at + 2;
	if (*size < 0x80)
		return true;
	octets = *size & 0x7F;
	if (octets == 0 || octets > 3 || *body + octets > bytes.len)
		return false;
	*size = 0;
	while (octets-- > 0)
		*size = *size << 8 | bytes.data[(*body)++];
	return true;
}

/* A sequence, of all that is there, of a version and then: RFC 5958 an algorithm, RFC 8017 a
 * modulus, RFC 5915 the key itself */
bool
like_private_key_der(Bytes bytes)
{
	size_t body, size, version, at;

	if (!der_element(bytes, 0, 0x30, &body, &size) || size < 30 || body + size < bytes.len ||
		!der_element(bytes, body, 0x02, &version, &size) || size != 1 || version >= bytes.len)
		return false;
	at = version + 1;
	if (bytes.data[version] == 0 && der_element(bytes, at, 0x30, &body, &size))
		return der_element(bytes, body, 0x06, &version, &size) && size <= 16;
	if (bytes.data[version] == 0)
		return der_element(bytes, at, 0x02, &body, &size) && size >= 64;
	return bytes.data[version] == 1 && der_element(bytes, at, 0x04, &body, &size) && size >= 20;
}

/* ------------------------------------------------------------ keys of services */

typedef struct Service
{
	const char *prefix;
	size_t least; /* characters of base64url after it */
	size_t most;
} Service;

/* As their documentation gives the forms; a range where that leaves it open. */
static const Service services[] = {
	{"AKIA", 16, 16},       {"ASIA", 16, 16},    /* Amazon */
	{"AIza", 35, 35},       {"GOCSPX-", 28, 28}, /* Google */
	{"ghp_", 36, 36},       {"gho_", 36, 36},    /* GitHub */
	{"ghu_", 36, 36},       {"ghs_", 36, 255},   /* */
	{"ghr_", 36, 255},      {"github_pat_", 82, 82},
	{"glpat-", 20, 64},     {"npm_", 36, 36},      /* GitLab, npm */
	{"pypi-AgEI", 50, 400}, {"hf_", 34, 40},       /* PyPI, Hugging Face */
	{"xoxb-", 20, 250},     {"xoxp-", 20, 250},    /* Slack */
	{"xoxa-", 20, 250},     {"xapp-", 20, 250},    /* */
	{"sk_live_", 24, 247},  {"rk_live_", 24, 247}, /* Stripe */
	{"sk_test_", 24, 247},  {"whsec_", 32, 64},    /* */
	{"shpat_", 32, 32},     {"shpss_", 32, 32},    /* Shopify */
	{"dop_v1_", 64, 64},    {"SG.", 22, 22}, /* DigitalOcean, SendGrid (a part before a point) */
	{"sk-proj-", 40, 250},  {"sk-ant-", 40, 250}, /* OpenAI, Anthropic */
};

/* scheme://user:password@host (RFC 3986, 3.2.1), with a password in it */
static bool
is_url_with_password(Bytes text)
{
	size_t at = 0;
	size_t colon = 0;

	while (at < text.len && at < 20 && (is_alphanumeric(text.data[at]) || text.data[at] == '+'))
		at++;
	if (at == 0 || at + 3 >= text.len || memcmp(text.data + at, "://", 3) != 0)
		return false;
	for (at += 3; at < text.len; at++)
	{
		uint8_t byte = text.data[at];

		if (byte == '@')
			return colon > 0 && at > colon + 1;
		if (byte <= ' ' || byte == '/' || byte == '?' || byte == '#')
			return false;
		if (byte == ':' && colon == 0)
			colon = at;
	}
	return false;
}

bool
like_access_key(Bytes text)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
	{
		const Service *service = &services[i];
		size_t size, run;

		if (!begins(text, service->prefix))
			continue;
		size = strlen(service->prefix);
		run = run_of(text, size);
		if (run < service->least || run > service->most)
			return false;
		/* Words in capitals have that length, too. */
		for (size_t j = size; j < size + run; j++)
		{
			if (text.data[j] >= '0' && text.data[j] <= '9')
				return true;
		}
		return false;
	}
	return is_url_with_password(text);
}

/* ------------------------------------------------------------ hashes of passwords */

static bool
is_hex(Bytes text, size_t from, size_t count)
{
	if (text.len != from + count)
		return false;
	for (size_t i = from; i < text.len; i++)
	{
		uint8_t byte = text.data[i];

		if (!((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
			  (byte >= 'A' && byte <= 'F')))
			return false;
	}
	return true;
}

bool
like_password_hash(Bytes text)
{
	/* crypt(5), PHC strings, PostgreSQL, LDAP (RFC 2307), Django, PHP, Werkzeug; and how long at
	 * least */
	static const struct
	{
		const char *prefix;
		size_t least;
	} forms[] = {
		{"$2a$", 60},         {"$2b$", 60},
		{"$2x$", 60},         {"$2y$", 60},
		{"$argon2id$", 30},   {"$argon2i$", 30},
		{"$argon2d$", 30},    {"$scrypt$", 30},
		{"$7$", 40},          {"$y$", 40},
		{"$gy$", 40},         {"$1$", 26},
		{"$5$", 45},          {"$6$", 88},
		{"$apr1$", 30},       {"$P$", 34},
		{"$H$", 34},          {"SCRAM-SHA-256$", 60},
		{"SCRAM-SHA-1$", 50}, {"pbkdf2_sha256$", 60},
		{"pbkdf2_sha1$", 40}, {"pbkdf2:sha", 60},
		{"scrypt:", 60},      {"$pbkdf2-sha", 40},
		{"{SSHA", 30},        {"{SHA}", 33},
		{"{CRYPT}", 20},
	};

	if (begins(text, "md5") && is_hex(text, 3, 32))
		return true;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
	{
		if (begins(text, forms[i].prefix))
		{
			if (text.len < forms[i].least)
				return false;
			for (size_t j = 0; j < text.len; j++)
			{
				if (text.data[j] <= ' ' || text.data[j] >= 0x7F)
					return false;
			}
			return true;
		}
	}
	return false;
}
