/*
 * note_test.c
 *		crypto/note.c: the example of Go's implementation of signed notes, notes
 *		with a bit changed, and what is no note, name, key or checkpoint.
 */
#include <sodium.h>

#include "crypto/note.h"
#include "unit.h"

/* golang.org/x/mod/sumdb/note, the package's examples. */
static const char go_key[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char go_secret[] = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
#define GO_TEXT                                                  \
	"If you think cryptography is the answer to your problem,\n" \
	"then you don't know what your problem is.\n"
#define GO_LINE                                                                          \
	"\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFY" \
	"C2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
#define GO_NOTE GO_TEXT "\n" GO_LINE

static NoteKey key;
static uint8_t seed[NOTE_SEED_SIZE];

static void
read_key(void)
{
	uint8_t secret[1 + NOTE_SEED_SIZE], public_key[NOTE_PUBLIC_KEY_SIZE];
	char text[NOTE_KEY_TEXT_SIZE];
	size_t size;
	NoteKey made;

	ok(note_key_read(STRING(go_key), &key), "a published key is read");
	note_key_write(&key, text);
	ok(strcmp(text, go_key) == 0, "and written the same");
	(void) sodium_base642bin(secret, sizeof(secret), go_secret, strlen(go_secret), NULL, &size,
							 NULL, sodium_base64_VARIANT_ORIGINAL);
	memcpy(seed, secret + 1, sizeof(seed));
	ok(note_public_key(seed, public_key) == CRYPTO_OK &&
		   memcmp(public_key, key.public_key, sizeof(public_key)) == 0,
	   "it belongs to its private key");
	ok(note_key_make(STRING("PeterNeumann"), public_key, &made) &&
		   memcmp(made.id, key.id, sizeof(key.id)) == 0,
	   "its id is that of name and key");
	ok(note_key_make(STRING("PeterNeumanm"), public_key, &made) &&
		   memcmp(made.id, key.id, sizeof(key.id)) != 0,
	   "another name has another id");
}

static void
test_keys_refused(void)
{
	char bad[sizeof(go_key)];
	NoteKey other;
	int accepted = 0;

	for (size_t i = 0; i < strlen(go_key); i++)
	{
		memcpy(bad, go_key, sizeof(bad));
		bad[i] ^= 1;
		accepted += note_key_read(bytes_of_string(bad), &other);
	}
	ok(accepted == 0, "no key with a changed character is read");
	for (size_t i = 0; i < strlen(go_key); i++)
		accepted += note_key_read(bytes_view(go_key, i), &other);
	ok(accepted == 0, "nor one that ends early");
	ok(!note_key_read(bytes_view(NULL, 0), &other), "nor none");
}

static void
test_names(void)
{
	static const char *const bad[] = {"",          "a b",          "a+b",         "a\nb",
									  "a\tb",      "a\x7f",        "\xff",        "\xc0\xaf",
									  "a\xc2\xa0", "\xe2\x80\x83", "\xed\xa0\x80"};
	char name[NOTE_NAME_MAX + 2];
	int accepted = 0;

	for (size_t i = 0; i < LENGTH(bad); i++)
		accepted += note_name_is_valid(bytes_of_string(bad[i]));
	ok(accepted == 0, "white space, plus, control characters and what is not UTF-8 make no name");
	memset(name, 'x', sizeof(name));
	ok(note_name_is_valid(bytes_view(name, NOTE_NAME_MAX)) &&
		   !note_name_is_valid(bytes_view(name, NOTE_NAME_MAX + 1)),
	   "a name is as long as it may be, and no longer");
	ok(note_name_is_valid(STRING("example.org/\xc3\xa4udit")), "letters of any kind do");
}

static void
test_signing(void)
{
	char line[NOTE_LINE_SIZE];
	uint8_t other[NOTE_SEED_SIZE] = {1};

	ok(note_sign(STRING(GO_TEXT), &key, seed, line) == CRYPTO_OK && strcmp(line, GO_LINE) == 0,
	   "the published signature is made");
	ok(note_sign(STRING("no newline"), &key, seed, line) == CRYPTO_MALFORMED &&
		   note_sign(STRING(""), &key, seed, line) == CRYPTO_MALFORMED &&
		   note_sign(STRING("\ttab\n"), &key, seed, line) == CRYPTO_MALFORMED,
	   "what is no text of a note is not signed");
	ok(note_sign(STRING(GO_TEXT), &key, other, line) == CRYPTO_FAILED,
	   "nor by a private key of another");
}

static void
test_verifying(void)
{
	static const char note[] = GO_NOTE;
	char bad[sizeof(note)];
	NoteKey keys[2] = {key, key};
	int accepted = 0, signer;

	keys[0].name[0] = 'Q';
	ok(note_verify(STRING(note), keys, 2, &signer) == CRYPTO_OK && signer == 1,
	   "the published note is signed by its key");
	ok(note_verify(STRING(note), keys, 1, &signer) == CRYPTO_UNAUTHENTIC && signer == -1,
	   "and by no other");
	ok(note_verify(STRING(note), keys, 0, &signer) == CRYPTO_UNAUTHENTIC, "nor by none");
	for (size_t i = 0; i < strlen(note); i++)
	{
		for (int bit = 0; bit < 8; bit++)
		{
			memcpy(bad, note, sizeof(bad));
			bad[i] = (char) (bad[i] ^ (1 << bit));
			accepted += note_verify(STRING(bad), keys + 1, 1, &signer) == CRYPTO_OK;
		}
	}
	ok(accepted == 0, "no note with a bit changed is");
	for (size_t i = 0; i < strlen(note); i++)
		accepted += note_verify(bytes_view(note, i), keys + 1, 1, &signer) == CRYPTO_OK;
	ok(accepted == 0, "nor one that ends early");
}

/* Signatures of others, of other kinds, and false ones beside a good one. */
static void
test_several(void)
{
	static const char others[] =
		GO_TEXT "\n\xe2\x80\x94 somebody AAAAAAAA\n" GO_LINE "\xe2\x80\x94 else bm90IG91cnM=\n";
	static const char false_one[] =
		GO_TEXT "\n" GO_LINE
				"\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1"
				"FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAQ=\n";
	static const char no_line[] = GO_TEXT "\n" GO_LINE "more\n";
	static const char paragraphs[] = "one\n\ntwo\n";
	char line[NOTE_LINE_SIZE], note[64 + NOTE_LINE_SIZE];
	int signer;

	ok(note_verify(STRING(others), &key, 1, &signer) == CRYPTO_OK && signer == 0,
	   "signatures of others are left aside");
	ok(note_verify(STRING(false_one), &key, 1, &signer) == CRYPTO_UNAUTHENTIC,
	   "a false one of a known key is not, though another is good");
	ok(note_verify(STRING(no_line), &key, 1, &signer) == CRYPTO_MALFORMED,
	   "what stands among the signatures must be one");
	(void) note_sign(STRING(paragraphs), &key, seed, line);
	snprintf(note, sizeof(note), "%s\n%s", paragraphs, line);
	ok(note_verify(bytes_of_string(note), &key, 1, &signer) == CRYPTO_OK,
	   "a text may have empty lines");
}

static void
test_checkpoints(void)
{
	static const char text[] = "example.org/log\n20852163\n"
							   "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\ntime "
							   "2026-01-02T03:04:05.678901Z\n";
	static const char *const bad[] = {
		"",
		"a\n",
		"a\n1\n",
		"\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
		"a\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
		"a\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
		"a\n99999999999999999999\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
		"a\n9223372036854775808\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
		"a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
		"a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n",
		"a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="};
	Checkpoint read, again;
	char written[CHECKPOINT_TEXT_MAX];
	char longest[NOTE_NAME_MAX];
	int accepted = 0;
	size_t size;

	ok(checkpoint_read(STRING(text), &read) && read.size == 20852163 && read.origin.len == 15 &&
		   read.root.bytes[0] == 0x0a && read.root.bytes[31] == 0x62 && read.time.len == 27,
	   "a checkpoint is read");
	size = checkpoint_write(&read, written);
	ok(size == strlen(text) && memcmp(written, text, size + 1) == 0, "and written the same");
	for (size_t i = 0; i < LENGTH(bad); i++)
		accepted += checkpoint_read(bytes_of_string(bad[i]), &again);
	ok(accepted == 0, "what is none is not");

	read.time = (Bytes){0};
	size = checkpoint_write(&read, written);
	ok(checkpoint_read(bytes_view(written, size), &again) && again.time.len == 0,
	   "it may have no time");
	memset(longest, 'o', sizeof(longest));
	read.origin = bytes_view(longest, sizeof(longest));
	read.size = MERKLE_SIZE_MAX;
	size = checkpoint_write(&read, written);
	ok(size > 0 && checkpoint_read(bytes_view(written, size), &again) &&
		   again.size == MERKLE_SIZE_MAX && again.origin.len == NOTE_NAME_MAX,
	   "the largest has room");
	read.origin = STRING("a b");
	ok(checkpoint_write(&read, written) == 0, "an origin that is no name is refused");
}

int
main(void)
{
	begin();
	read_key();
	test_keys_refused();
	test_names();
	test_signing();
	test_verifying();
	test_several();
	test_checkpoints();
	return end();
}
