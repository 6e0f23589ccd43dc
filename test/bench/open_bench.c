/*
 * open_bench.c - what it costs to open envelopes without a database around
 *
 * SOURCES: extension/crypto/[a-z]*.c extension/base/secret.c
 *
 *	open_bench ROOT-KEY-FILE KEY-FILE ENVELOPES NAME...
 *
 * ROOT-KEY-FILE holds a root key in hexadecimal, KEY-FILE the ring id and the
 * wrapped data key, ENVELOPES one text form a line. Goes the way of
 * docs/formats.md to the sealing key, then opens all envelopes in one loop,
 * each into the same place, and prints a line "sample NAME VALUES SECONDS" for
 * each NAME, and another one with its processor time for NAME_cpu:
 *	envelope_open	parse and open each envelope
 *	libsodium		the cipher alone, as many values of the same sizes under one
 *					key that is ready: what no design could be faster than
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/envelope.h"
#include "crypto/hash.h"

/* docs/formats.md, "The keys" */
#define INFO_WRAP "tarot_security v1 wrap"
#define INFO_SEAL "tarot_security v1 seal"
#define CONTEXT_DATA_KEY "data key"
#define RING_ID_SIZE 16

/* What is authenticated of a column's value: the header. */
#define AAD_SIZE ENVELOPE_FIXED_HEADER

static void
die(const char *what)
{
	fprintf(stderr, "open_bench: %s\n", what);
	exit(1);
}

static void
check(CryptoStatus status, const char *what)
{
	if (status != CRYPTO_OK)
		die(what);
}

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static double wall, processor;

static void
start_clocks(void)
{
	wall = seconds(CLOCK_MONOTONIC);
	processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static void
stop_clocks(void)
{
	wall = seconds(CLOCK_MONOTONIC) - wall;
	processor = seconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
}

/* The whole file, with a zero byte behind it. */
static char *
read_file(const char *name, size_t *size)
{
	FILE *file = fopen(name, "rb");
	char *out = NULL;
	long end;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (end = ftell(file)) < 0)
		die("cannot read a file");
	rewind(file);
	if ((out = malloc((size_t) end + 1)) == NULL ||
		fread(out, 1, (size_t) end, file) != (size_t) end)
		die("cannot read a file");
	fclose(file);
	out[end] = '\0';
	*size = (size_t) end;
	return out;
}

/* The next word of hexadecimal digits. */
static size_t
take_hex(char **text, uint8_t *out, size_t room)
{
	size_t size;
	const char *end;

	*text += strspn(*text, " \n");
	if (sodium_hex2bin(out, room, *text, strcspn(*text, " \n"), NULL, &size, &end) != 0)
		die("bad hexadecimal digits");
	*text = (char *) end;
	return size;
}

static XaesKey *
derived(const uint8_t *secret, const char *info)
{
	uint8_t raw[XAES_KEY_SIZE];
	XaesKey *key;

	check(hkdf_sha256(bytes_view(secret, XAES_KEY_SIZE), bytes_view(NULL, 0), bytes_of_string(info),
					  raw, sizeof(raw)),
		  "cannot derive");
	if ((key = xaes_create(raw)) == NULL)
		die("cannot create a key");
	return key;
}

static XaesKey *
sealing_key(const char *root_key_file, const char *key_file)
{
	size_t size;
	char *text = read_file(root_key_file, &size);
	uint8_t root[XAES_KEY_SIZE], data_key[XAES_KEY_SIZE], ring_id[RING_ID_SIZE], wrapped[128];
	Envelope envelope;
	Bytes context[2];

	if (take_hex(&text, root, sizeof(root)) != sizeof(root))
		die("bad root key");
	text = read_file(key_file, &size);
	if (take_hex(&text, ring_id, sizeof(ring_id)) != sizeof(ring_id))
		die("bad ring id");
	size = take_hex(&text, wrapped, sizeof(wrapped));
	check(envelope_parse(bytes_view(wrapped, size), &envelope), "bad wrapped key");
	if (envelope.header.kind != ENVELOPE_DATA_KEY || envelope.ciphertext.len != sizeof(data_key))
		die("bad wrapped key");
	context[0] = bytes_of_string(CONTEXT_DATA_KEY);
	context[1] = bytes_view(ring_id, RING_ID_SIZE);
	check(envelope_open(derived(root, INFO_WRAP), &envelope, context, 2, data_key),
		  "cannot unwrap the data key");
	return derived(data_key, INFO_SEAL);
}

/* One after the other in memory, as rows are in a table. */
typedef struct Values
{
	uint8_t *bytes;
	size_t *ends; /* where each ends, and so where the next one begins */
	size_t count;
	size_t longest;
} Values;

static Bytes
value_at(const Values *values, size_t i)
{
	size_t start = i == 0 ? 0 : values->ends[i - 1];

	return bytes_view(values->bytes + start, values->ends[i] - start);
}

static Values
read_envelopes(const char *name)
{
	Values values = {0};
	size_t size, used = 0, room = 1;
	char *text = read_file(name, &size);

	for (size_t i = 0; i < size; i++)
		room += text[i] == '\n';
	values.bytes = malloc(size + 1);
	values.ends = malloc(room * sizeof(size_t));
	if (values.bytes == NULL || values.ends == NULL)
		die("out of memory");
	for (char *line = text; *line != '\0';)
	{
		size_t length = strcspn(line, "\n"), decoded;

		/* The room for decoding may be a little more than what is written. */
		check(envelope_from_text(bytes_view(line, length), values.bytes + used, &decoded),
			  "bad envelope");
		used += decoded;
		values.ends[values.count++] = used;
		if (decoded > values.longest)
			values.longest = decoded;
		line += length + (line[length] == '\n');
	}
	free(text);
	if (values.count == 0)
		die("no envelopes");
	return values;
}

static void
time_envelope_open(const Values *values, XaesKey *key, uint8_t *plaintext)
{
	start_clocks();
	for (size_t i = 0; i < values->count; i++)
	{
		Envelope envelope;

		check(envelope_parse(value_at(values, i), &envelope), "bad envelope");
		check(envelope_open(key, &envelope, NULL, 0, plaintext), "cannot open an envelope");
	}
	stop_clocks();
}

/* Values as long as the plaintexts, each with its tag behind it. */
static void
time_libsodium(const Values *values, uint8_t *plaintext)
{
	const size_t overhead = ENVELOPE_MIN_SIZE - XAES_TAG_SIZE;
	static const uint8_t nonce[crypto_aead_aes256gcm_NPUBBYTES];
	static const uint8_t aad[AAD_SIZE];
	static const uint8_t raw[crypto_aead_aes256gcm_KEYBYTES] = {1};
	crypto_aead_aes256gcm_state state;
	Values sealed = {.count = values->count};
	size_t used = 0;

	if (crypto_aead_aes256gcm_beforenm(&state, raw) != 0)
		die("cannot create a key");
	sealed.bytes = malloc(values->ends[values->count - 1]);
	sealed.ends = malloc(values->count * sizeof(size_t));
	if (sealed.bytes == NULL || sealed.ends == NULL)
		die("out of memory");
	memset(plaintext, 'x', values->longest);
	for (size_t i = 0; i < values->count; i++)
	{
		/* A nonce for all: these are no secrets. */
		crypto_aead_aes256gcm_encrypt_afternm(sealed.bytes + used, NULL, plaintext,
											  value_at(values, i).len - overhead - XAES_TAG_SIZE,
											  aad, sizeof(aad), NULL, nonce, &state);
		used += value_at(values, i).len - overhead;
		sealed.ends[i] = used;
	}

	start_clocks();
	for (size_t i = 0; i < sealed.count; i++)
	{
		Bytes value = value_at(&sealed, i);

		if (crypto_aead_aes256gcm_decrypt_afternm(plaintext, NULL, NULL, value.data, value.len, aad,
												  sizeof(aad), nonce, &state) != 0)
			die("cannot open a value");
	}
	stop_clocks();
	free(sealed.bytes);
	free(sealed.ends);
}

int
main(int argc, char **argv)
{
	XaesKey *key;
	Values values;
	uint8_t *plaintext;

	if (argc < 4 || sodium_init() < 0)
		die("ROOT-KEY-FILE KEY-FILE ENVELOPES NAME...");
	key = sealing_key(argv[1], argv[2]);
	values = read_envelopes(argv[3]);
	if ((plaintext = malloc(values.longest)) == NULL)
		die("out of memory");

	for (int i = 4; i < argc; i++)
	{
		if (strcmp(argv[i], "envelope_open") == 0)
			time_envelope_open(&values, key, plaintext);
		else if (strcmp(argv[i], "libsodium") != 0)
			die("unknown name");
		else if (xaes_has_libsodium())
			time_libsodium(&values, plaintext);
		else
			continue;
		printf("sample %s %zu %.9f\n", argv[i], values.count, wall);
		printf("sample %s_cpu %zu %.9f\n", argv[i], values.count, processor);
	}
	return 0;
}
