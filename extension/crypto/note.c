/*
 * note.c
 *		Signed notes, and checkpoints in them.
 */
#include <sodium.h>
#include <stdio.h>

#include "base/secret.h"
#include "crypto/note.h"

#define BASE64 sodium_base64_VARIANT_ORIGINAL

/* signed-note: the kind of signature, first byte of a key. */
#define ED25519 0x01

/* Each signature begins so: U+2014 and a blank. */
#define DASH "\xe2\x80\x94 "

#define KEY_BYTES (1 + NOTE_PUBLIC_KEY_SIZE)
#define SIGNATURE_BYTES (NOTE_KEY_ID_SIZE + NOTE_SIGNATURE_SIZE)

static size_t
base64_write(Bytes in, char *out, size_t room)
{
	sodium_bin2base64(out, room, in.data, in.len, BASE64);
	return strlen(out);
}

/* Just `size` bytes, in the one form that there is for them. */
static bool
base64_read(Bytes text, uint8_t *out, size_t size)
{
	size_t read;

	return sodium_base642bin(out, size, (const char *) text.data, text.len, NULL, &read, NULL,
							 BASE64) == 0 &&
		   read == size && text.len == (size + 2) / 3 * 4;
}

/* Up to the next newline, which is taken away with it; false where there is none. */
static bool
next_line(Bytes *rest, Bytes *line)
{
	const uint8_t *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;

	if (end == NULL)
		return false;
	*line = bytes_view(rest->data, (size_t) (end - rest->data));
	*rest = bytes_view(end + 1, rest->len - line->len - 1);
	return true;
}

/* ---------------------------------------------------------------- UTF-8 */

/* The character at the start, by the form that Unicode, table 3-7, has; 0 bytes: none. */
static size_t
character_of(Bytes text, uint32_t *character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t first = text.len > 0 ? text.data[0] : 0x80;
	size_t size = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (size == 0 || first > 0xf4 || size > text.len)
		return 0;
	*character = size == 1 ? first : first & (0x7fu >> size);
	for (size_t i = 1; i < size; i++)
	{
		if ((text.data[i] & 0xc0) != 0x80)
			return 0;
		*character = *character << 6 | (text.data[i] & 0x3f);
	}
	return *character < least[size] || *character > 0x10ffff ||
				   (*character >= 0xd800 && *character <= 0xdfff)
			   ? 0
			   : size;
}

/* Characters with the property White_Space (PropList.txt of Unicode). */
static bool
is_space(uint32_t c)
{
	return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
		   (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
		   c == 0x205f || c == 0x3000;
}

bool
note_name_is_valid(Bytes name)
{
	uint32_t character;

	if (name.len == 0 || name.len > NOTE_NAME_MAX)
		return false;
	while (name.len > 0)
	{
		size_t size = character_of(name, &character);

		if (size == 0 || is_space(character) || character < 0x20 || character == 0x7f ||
			character == '+')
			return false;
		name = bytes_view(name.data + size, name.len - size);
	}
	return true;
}

/* A note's text: UTF-8, of control characters of ASCII the newline alone. */
static bool
is_text(Bytes text)
{
	uint32_t character;

	while (text.len > 0)
	{
		size_t size = character_of(text, &character);

		if (size == 0 || (character < 0x20 && character != '\n'))
			return false;
		text = bytes_view(text.data + size, text.len - size);
	}
	return true;
}

/* ---------------------------------------------------------------- keys */

bool
note_key_make(Bytes name, const uint8_t public_key[NOTE_PUBLIC_KEY_SIZE], NoteKey *key)
{
	uint8_t named[NOTE_NAME_MAX + 2 + NOTE_PUBLIC_KEY_SIZE];
	uint8_t hash[HASH_SIZE];

	if (!note_name_is_valid(name))
		return false;
	memcpy(named, name.data, name.len);
	named[name.len] = '\n';
	named[name.len + 1] = ED25519;
	memcpy(named + name.len + 2, public_key, NOTE_PUBLIC_KEY_SIZE);
	if (hash_sha256(bytes_view(named, name.len + 2 + NOTE_PUBLIC_KEY_SIZE), hash) != CRYPTO_OK)
		return false;

	memcpy(key->name, name.data, name.len);
	key->name[name.len] = '\0';
	memcpy(key->id, hash, NOTE_KEY_ID_SIZE);
	memcpy(key->public_key, public_key, NOTE_PUBLIC_KEY_SIZE);
	return true;
}

/* libsodium's form of a private key, in secret memory; NULL on failure. */
static uint8_t *
secret_key_of(const uint8_t seed[NOTE_SEED_SIZE], uint8_t public_key[NOTE_PUBLIC_KEY_SIZE])
{
	uint8_t *secret = secret_alloc(crypto_sign_SECRETKEYBYTES);

	if (secret != NULL && crypto_sign_seed_keypair(public_key, secret, seed) == 0)
		return secret;
	secret_free(secret);
	return NULL;
}

CryptoStatus
note_public_key(const uint8_t seed[NOTE_SEED_SIZE], uint8_t public_key[NOTE_PUBLIC_KEY_SIZE])
{
	uint8_t *secret = secret_key_of(seed, public_key);

	secret_free(secret);
	return secret != NULL ? CRYPTO_OK : CRYPTO_FAILED;
}

void
note_key_write(const NoteKey *key, char text[NOTE_KEY_TEXT_SIZE])
{
	uint8_t bytes[KEY_BYTES] = {ED25519};
	size_t size = strlen(key->name);

	memcpy(bytes + 1, key->public_key, NOTE_PUBLIC_KEY_SIZE);
	memcpy(text, key->name, size);
	text[size++] = '+';
	sodium_bin2hex(text + size, 2 * NOTE_KEY_ID_SIZE + 1, key->id, NOTE_KEY_ID_SIZE);
	size += 2 * NOTE_KEY_ID_SIZE;
	text[size++] = '+';
	(void) base64_write(bytes_view(bytes, sizeof(bytes)), text + size, NOTE_KEY_TEXT_SIZE - size);
}

bool
note_key_read(Bytes text, NoteKey *key)
{
	const uint8_t *plus = text.len > 0 ? memchr(text.data, '+', text.len) : NULL;
	size_t name_size = plus != NULL ? (size_t) (plus - text.data) : 0;
	size_t before = name_size + 1 + 2 * NOTE_KEY_ID_SIZE + 1;
	uint8_t bytes[KEY_BYTES];
	char id[2 * NOTE_KEY_ID_SIZE + 1];

	if (plus == NULL || text.len < before || text.data[before - 1] != '+' ||
		!base64_read(bytes_view(text.data + before, text.len - before), bytes, sizeof(bytes)) ||
		bytes[0] != ED25519 || !note_key_make(bytes_view(text.data, name_size), bytes + 1, key))
		return false;
	sodium_bin2hex(id, sizeof(id), key->id, NOTE_KEY_ID_SIZE);
	return memcmp(id, plus + 1, 2 * NOTE_KEY_ID_SIZE) == 0;
}

/* ---------------------------------------------------------------- notes */

CryptoStatus
note_sign(Bytes text, const NoteKey *key, const uint8_t seed[NOTE_SEED_SIZE],
		  char line[NOTE_LINE_SIZE])
{
	uint8_t signature[SIGNATURE_BYTES];
	uint8_t public_key[NOTE_PUBLIC_KEY_SIZE];
	uint8_t *secret;
	size_t size;
	bool ok;

	if (text.len == 0 || text.data[text.len - 1] != '\n' || !is_text(text))
		return CRYPTO_MALFORMED;
	if ((secret = secret_key_of(seed, public_key)) == NULL)
		return CRYPTO_FAILED;
	memcpy(signature, key->id, NOTE_KEY_ID_SIZE);
	ok = memcmp(public_key, key->public_key, sizeof(public_key)) == 0 &&
		 crypto_sign_detached(signature + NOTE_KEY_ID_SIZE, NULL, text.data, text.len, secret) == 0;
	secret_free(secret);
	if (!ok)
		return CRYPTO_FAILED;

	size = (size_t) snprintf(line, NOTE_LINE_SIZE, "%s%s ", DASH, key->name);
	size +=
		base64_write(bytes_view(signature, sizeof(signature)), line + size, NOTE_LINE_SIZE - size);
	line[size] = '\n';
	line[size + 1] = '\0';
	return CRYPTO_OK;
}

/* Where the text of a note ends (its last newline included), and signatures begin. */
static bool
split_note(Bytes note, Bytes *text, Bytes *signatures)
{
	/* The last empty line: the text itself may have some. */
	for (size_t i = note.len; i >= 2; i--)
	{
		if (note.data[i - 1] == '\n' && note.data[i - 2] == '\n')
		{
			*text = bytes_view(note.data, i - 1);
			*signatures = bytes_view(note.data + i, note.len - i);
			return text->len > 1 && signatures->len > 0 && is_text(note) &&
				   note.data[note.len - 1] == '\n';
		}
	}
	return false;
}

/* Which line is of which form: signed-note wants all to be signatures, of whomever. */
static bool
read_signature(Bytes line, Bytes *name, Bytes *base64)
{
	const size_t dash = sizeof(DASH) - 1;
	const uint8_t *blank;

	if (line.len <= dash || memcmp(line.data, DASH, dash) != 0)
		return false;
	line = bytes_view(line.data + dash, line.len - dash);
	if ((blank = memchr(line.data, ' ', line.len)) == NULL)
		return false;
	*name = bytes_view(line.data, (size_t) (blank - line.data));
	*base64 = bytes_view(blank + 1, line.len - name->len - 1);
	return note_name_is_valid(*name) && base64->len > 0;
}

static bool
is_key(const NoteKey *key, Bytes name, const uint8_t *id)
{
	return strlen(key->name) == name.len && memcmp(key->name, name.data, name.len) == 0 &&
		   memcmp(key->id, id, NOTE_KEY_ID_SIZE) == 0;
}

CryptoStatus
note_verify(Bytes note, const NoteKey *keys, int nkeys, int *signer)
{
	Bytes text, lines, line, name, base64;
	uint8_t signature[SIGNATURE_BYTES];

	*signer = -1;
	if (!split_note(note, &text, &lines))
		return CRYPTO_MALFORMED;
	while (next_line(&lines, &line))
	{
		if (!read_signature(line, &name, &base64))
			return CRYPTO_MALFORMED;
		/* Of another length it is of another kind, and none of our keys'. */
		if (!base64_read(base64, signature, sizeof(signature)))
			continue;
		for (int i = 0; i < nkeys; i++)
		{
			if (!is_key(&keys[i], name, signature))
				continue;
			if (crypto_sign_verify_detached(signature + NOTE_KEY_ID_SIZE, text.data, text.len,
											keys[i].public_key) != 0)
				return CRYPTO_UNAUTHENTIC;
			*signer = i;
		}
	}
	return *signer >= 0 ? CRYPTO_OK : CRYPTO_UNAUTHENTIC;
}

/* ---------------------------------------------------------------- checkpoints */

#define TIME_LINE "time "
#define TIME_MAX 64

size_t
checkpoint_write(const Checkpoint *checkpoint, char text[CHECKPOINT_TEXT_MAX])
{
	char root[sodium_base64_ENCODED_LEN(HASH_SIZE, BASE64)];
	int size;

	if (!note_name_is_valid(checkpoint->origin) || checkpoint->time.len > TIME_MAX)
		return 0;
	(void) base64_write(bytes_view(checkpoint->root.bytes, HASH_SIZE), root, sizeof(root));
	size = snprintf(text, CHECKPOINT_TEXT_MAX, "%.*s\n%llu\n%s\n", (int) checkpoint->origin.len,
					(const char *) checkpoint->origin.data, (unsigned long long) checkpoint->size,
					root);
	if (checkpoint->time.len > 0)
		size += snprintf(text + size, CHECKPOINT_TEXT_MAX - (size_t) size, "%s%.*s\n", TIME_LINE,
						 (int) checkpoint->time.len, (const char *) checkpoint->time.data);
	return (size_t) size;
}

/* Decimal, without sign and leading zeros. */
static bool
read_size(Bytes digits, uint64_t *size)
{
	*size = 0;
	if (digits.len == 0 || digits.len > 19 || (digits.data[0] == '0' && digits.len > 1))
		return false;
	for (size_t i = 0; i < digits.len; i++)
	{
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return false;
		*size = *size * 10 + (uint64_t) (digits.data[i] - '0');
	}
	return *size <= MERKLE_SIZE_MAX;
}

bool
checkpoint_read(Bytes note, Checkpoint *checkpoint)
{
	const size_t time = sizeof(TIME_LINE) - 1;
	Bytes line;

	checkpoint->time = (Bytes){0};
	if (!next_line(&note, &checkpoint->origin) || checkpoint->origin.len == 0 ||
		!next_line(&note, &line) || !read_size(line, &checkpoint->size) ||
		!next_line(&note, &line) || !base64_read(line, checkpoint->root.bytes, HASH_SIZE))
		return false;
	while (next_line(&note, &line) && line.len > 0)
	{
		if (checkpoint->time.len == 0 && line.len > time && memcmp(line.data, TIME_LINE, time) == 0)
			checkpoint->time = bytes_view(line.data + time, line.len - time);
	}
	return true;
}
