/*
 * tarot_verify.c
 *		Checks an export of the audit log against signed checkpoints, without the
 *		server and whoever can change what it has.
 *
 * It reads lines of tarot.export_audit(), hashes each entry, and grows the
 * tree of RFC 9162 from the hashes. Where a checkpoint stands, the root must be
 * the one that is signed.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/audit_leaf.h"
#include "crypto/audit_retention.h"
#include "crypto/note.h"
#include "token/json.h"

/* Exit statuses. */
#define GOOD 0
#define NOT_GOOD 1
#define TROUBLE 2

#define KEYS_MAX 64
#define VALUES_MAX 512

static const char help[] =
	"tarot-verify - checks an export of the audit log of tarot_security against signed "
	"checkpoints\n"
	"\n"
	"Usage: tarot-verify --key KEY [OPTION]... [EXPORT]...\n"
	"\n"
	"EXPORT is what SELECT tarot.export_audit() gave, a line of JSON each, in UTF-8; of several, "
	"each goes on\n"
	"where the one before has ended. Without one, or for -, standard input is read.\n"
	"\n"
	"  -k, --key KEY          a public key that checkpoints are signed by (tarot.audit_signers); "
	"may be repeated.\n"
	"                         Take it from where nobody can change it who can change the log\n"
	"  -K, --key-file FILE    a file with a key a line\n"
	"  -c, --checkpoint FILE  checkpoints that were kept outside, for instance what\n"
	"                         tarot_security.audit_checkpoint_file names; each must hold. May be "
	"repeated\n"
	"  -g, --allow-gone       entries whose leaf alone is left, and details that were erased, are "
	"no findings,\n"
	"                         also where no entry of the export tells that this was done\n"
	"  -q, --quiet            print findings alone\n"
	"  -h, --help             this\n"
	"  -V, --version          the version\n"
	"\n"
	"Each finding is a line on standard output. Checked are each entry, by the hash that was "
	"exported with it;\n"
	"each checkpoint, its signature and its root, which depends on all entries before it; that the "
	"last entry is\n"
	"covered by a checkpoint; and that those given by --checkpoint are of this log. An entry that "
	"is gone is a\n"
	"finding, unless a later one, which a checkpoint covers, tells that it was dropped by "
	"tarot.drop_audit_partitions();\n"
	"so are details, unless one tells that they were erased. What was there cannot be checked, "
	"that it was nothing else can.\n"
	"\n"
	"Exit status: 0 all is as it was signed, 1 it is not, or cannot be told, 2 wrong usage, or a "
	"file that cannot\n"
	"be read.\n";

static NoteKey keys[KEYS_MAX];
static int nkeys;
static bool quiet;
static bool allow_gone;
static uint64_t findings;

/* What follows cannot be told: the positions are not those of one log. */
static bool broken;

/* A checkpoint that was kept outside. */
typedef struct Kept
{
	uint64_t size;
	MerkleHash root;
	bool met;
} Kept;

static Kept *kept;
static size_t nkept;

/* An entry that tells what was dropped or erased. */
typedef struct Teller
{
	uint64_t position;
	uint64_t size; /* of the tree then; 0: it does not say */
	MerkleHash root;
	Bytes positions, erased;
} Teller;

/* Details that are not there. */
typedef struct Erased
{
	uint64_t position;
	uint64_t system, transaction;
	int64_t number;
} Erased;

/* A checkpoint that holds. */
typedef struct Held
{
	uint64_t size;
	MerkleHash root;
} Held;

#define LIST(type)          \
	struct                  \
	{                       \
		type *items;        \
		size_t count, room; \
	}

/* Room for one more, at list.items[list.count++]. */
#define LIST_GROW(list)                                \
	((list).count < (list).room                        \
		 ? (void) 0                                    \
		 : (void) ((list).room = 2 * (list).room + 16, \
				   (list).items =                      \
					   must(realloc((list).items, (list).room * sizeof(*(list).items)))))

/* What is gone, who tells of it, and what tellers can be believed by. */
static LIST(RetainedRange) gone;
static LIST(Erased) erased;
static LIST(Teller) tellers;
static LIST(Held) held;

/* What those who are believed say. */
static LIST(RetainedRange) dropped;
static LIST(RetainedRun) erasures;

/* The log so far. */
static struct
{
	bool begun;
	uint64_t first;
	MerkleFrontier tree;
	uint64_t proved; /* the size of the last checkpoint that held */
	uint64_t checkpoints;
	uint64_t gone;
	uint64_t dropped; /* of those gone, as is told */
	uint64_t erased;
} audit;

/* ---------------------------------------------------------------- telling */

static void found(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void trouble(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void
found(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	findings++;
}

static void
trouble(const char *format, ...)
{
	va_list args;

	fputs("tarot-verify: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(TROUBLE);
}

static void *
must(void *memory)
{
	if (memory == NULL)
		trouble("out of memory");
	return memory;
}

static void
require(CryptoStatus status)
{
	if (status == CRYPTO_FAILED)
		trouble("the cryptographic library failed");
}

/* ---------------------------------------------------------------- members of a line */

/* NULL: it is missing, or null. */
static const JsonValue *
member(const JsonValue *line, const char *name)
{
	const JsonValue *value = json_member(line, name);

	return value == NULL || value->kind == JSON_NULL ? NULL : value;
}

static bool
read_text(const JsonValue *line, const char *name, Bytes *text)
{
	static const uint8_t nothing[1];
	const JsonValue *value = member(line, name);

	*text = bytes_view(NULL, 0);
	if (value == NULL)
		return true;
	*text = value->text.len > 0 ? value->text : bytes_view(nothing, 0);
	return value->kind == JSON_STRING;
}

/* Digits, as a number or a string, of 64 bits; a sign before them makes two's complement. */
static bool
read_number(const JsonValue *line, const char *name, uint64_t *number)
{
	const JsonValue *value = member(line, name);
	bool negative;
	size_t i;

	*number = 0;
	if (value == NULL || (value->kind != JSON_STRING && value->kind != JSON_NUMBER) ||
		value->text.len == 0)
		return false;
	negative = value->text.data[0] == '-';
	for (i = negative; i < value->text.len; i++)
	{
		uint8_t digit = (uint8_t) (value->text.data[i] - '0');

		if (digit > 9 || *number > (UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	if (negative)
		*number = 0 - *number;
	return i > negative;
}

/* 32 bytes, or fewer where `size` is given. */
static bool
read_hex(Bytes text, uint8_t out[HASH_SIZE], size_t *size)
{
	size_t read;

	if (sodium_hex2bin(out, HASH_SIZE, (const char *) text.data, text.len, NULL, &read, NULL) != 0)
		return false;
	if (size == NULL)
		return read == HASH_SIZE;
	*size = read;
	return true;
}

/* Days from 2000-01-01 to a day of the Gregorian calendar: a year is taken to begin in March. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 730425;
}

/* 2026-01-02T03:04:05.678901Z */
static bool
read_time(Bytes text, int64_t *micros)
{
	unsigned year, month, day, hour, minute, second, fraction;
	char copy[32];
	int end = 0;

	if (text.len != 27)
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (sscanf(copy, "%4u-%2u-%2uT%2u:%2u:%2u.%6uZ%n", &year, &month, &day, &hour, &minute, &second,
			   &fraction, &end) != 7 ||
		end != 27)
		return false;
	*micros = (((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000000 +
			  fraction;
	return true;
}

static bool
read_entry(const JsonValue *line, AuditLeaf *entry, uint8_t salt[HASH_SIZE])
{
	uint64_t number, statement, relation;
	Bytes time, operation, hex;
	size_t size = 0;

	if (!read_text(line, "recorded_at", &time) || !read_time(time, &entry->recorded_at) ||
		!read_number(line, "transaction", &entry->transaction) ||
		!read_number(line, "number", &number) || !read_number(line, "system", &entry->system) ||
		!read_number(line, "statement", &statement) || !read_number(line, "relation", &relation) ||
		relation > UINT32_MAX || !read_text(line, "operation", &operation) || operation.len != 1 ||
		!read_text(line, "table_name", &entry->table_name) ||
		!read_text(line, "role", &entry->role) ||
		!read_text(line, "session_role", &entry->session_role) ||
		!read_text(line, "subject", &entry->subject) ||
		!read_text(line, "client", &entry->client) ||
		!read_text(line, "application", &entry->application) ||
		!read_text(line, "key", &entry->key) || !read_text(line, "old", &entry->old_row) ||
		!read_text(line, "new", &entry->new_row) || !read_text(line, "salt", &hex) ||
		(hex.data != NULL && !read_hex(hex, salt, &size)))
		return false;
	entry->number = (int64_t) number;
	entry->statement = (int64_t) statement;
	entry->relation = (uint32_t) relation;
	entry->operation = operation.data[0];
	entry->salt = bytes_view(salt, size);
	return true;
}

/* ---------------------------------------------------------------- lines */

static bool
begin_export(const JsonValue *line)
{
	const JsonValue *peaks = member(line, "peaks"), *peak;
	MerkleFrontier tree = {0};
	uint32_t i;

	if (!read_number(line, "from", &tree.size) || tree.size > MERKLE_SIZE_MAX || peaks == NULL ||
		peaks->kind != JSON_ARRAY || peaks->count != (uint32_t) merkle_peaks(tree.size))
		return false;
	for (peak = json_first(peaks), i = 0; i < peaks->count; peak = json_next(peak), i++)
	{
		if (peak->kind != JSON_STRING ||
			!read_hex(peak->text, tree.peaks[tree.count++].bytes, NULL))
			return false;
	}
	if (!audit.begun)
	{
		audit.first = audit.proved = tree.size;
		audit.tree = tree;
		audit.begun = true;
	}
	else if (tree.size != audit.tree.size ||
			 memcmp(tree.peaks, audit.tree.peaks, sizeof(MerkleHash) * (size_t) tree.count) != 0)
	{
		found("an export begins at %" PRIu64
			  " and does not go on where the one before has ended, at %" PRIu64,
			  tree.size, audit.tree.size);
		broken = true;
	}
	return true;
}

static void
meet_kept(const MerkleHash *root)
{
	for (size_t i = 0; i < nkept; i++)
	{
		if (kept[i].size != audit.tree.size || kept[i].met)
			continue;
		kept[i].met = true;
		if (memcmp(&kept[i].root, root, sizeof(*root)) != 0)
			found("log rewritten: the first %" PRIu64
				  " entries are not those of a checkpoint that was kept",
				  kept[i].size);
	}
}

static void
check_kept(void)
{
	MerkleHash root;

	for (size_t i = 0; i < nkept; i++)
	{
		if (kept[i].size != audit.tree.size || kept[i].met)
			continue;
		require(merkle_root(&audit.tree, &root));
		meet_kept(&root);
		return;
	}
}

static void
note_gone(uint64_t position)
{
	if (gone.count > 0 && gone.items[gone.count - 1].end == position)
	{
		gone.items[gone.count - 1].end++;
		return;
	}
	LIST_GROW(gone);
	gone.items[gone.count++] = (RetainedRange){position, position + 1};
}

static void
note_erased(uint64_t position, const AuditLeaf *entry)
{
	LIST_GROW(erased);
	erased.items[erased.count++] =
		(Erased){position, entry->system, entry->transaction, entry->number};
}

static Bytes
copy_of(Bytes text)
{
	uint8_t *copy = must(malloc(text.len + 1));

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	return bytes_view(copy, text.len);
}

/* It is as it was sealed; whether that was signed is known later. */
static void
note_teller(uint64_t position, Bytes document)
{
	JsonValue values[64];
	uint8_t *strings = must(malloc(document.len + 1));
	Teller teller = {.position = position};
	Bytes root;

	if (document.data != NULL && json_read(document, values, 64, strings) == JSON_OK &&
		read_text(values, "positions", &teller.positions) &&
		read_text(values, "erased", &teller.erased) && read_text(values, "root", &root))
	{
		if (!read_number(values, "size", &teller.size) || root.data == NULL ||
			!read_hex(root, teller.root.bytes, NULL))
			teller.size = 0;
		teller.positions = copy_of(teller.positions);
		teller.erased = copy_of(teller.erased);
		LIST_GROW(tellers);
		tellers.items[tellers.count++] = teller;
	}
	free(strings);
}

static bool
take_entry(const JsonValue *line)
{
	uint64_t position;
	uint8_t salt[HASH_SIZE];
	AuditLeaf entry;
	MerkleHash leaf, hash;
	Bytes hex;

	if (!read_number(line, "position", &position) || !read_text(line, "leaf", &hex) ||
		hex.data == NULL || !read_hex(hex, leaf.bytes, NULL))
		return false;
	if (position != audit.tree.size)
	{
		found("entry missing: behind position %" PRIu64 " comes %" PRIu64
			  "; the rest was not checked",
			  audit.tree.size, position);
		broken = true;
		return true;
	}
	if (member(line, "transaction") == NULL)
	{
		note_gone(position);
		audit.gone++;
	}
	else
	{
		bool good;

		if (!read_entry(line, &entry, salt))
			return false;
		require(audit_leaf_hash(&entry, &hash));
		good = memcmp(&hash, &leaf, sizeof(hash)) == 0;
		if (!good)
			found("entry changed: at position %" PRIu64 ", transaction %" PRIu64
				  ", number %" PRId64,
				  position, entry.transaction, entry.number);
		else if (audit_leaf_is_erased(&entry))
		{
			note_erased(position, &entry);
			audit.erased++;
		}
		else if (entry.operation == AUDIT_RETENTION_OPERATION)
			note_teller(position, entry.new_row);
	}
	require(merkle_append(&audit.tree, &leaf, NULL, NULL));
	check_kept();
	return true;
}

static bool
take_checkpoint(Bytes note)
{
	Checkpoint checkpoint;
	MerkleHash root;
	int signer;
	CryptoStatus status = note_verify(note, keys, nkeys, &signer);

	require(status);
	if (!checkpoint_read(note, &checkpoint))
		return false;
	require(merkle_root(&audit.tree, &root));
	if (status != CRYPTO_OK)
		found("checkpoint badly signed: of %" PRIu64 " entries, by none of the keys",
			  checkpoint.size);
	else if (checkpoint.size != audit.tree.size)
		found("checkpoint out of place: of %" PRIu64 " entries, behind %" PRIu64, checkpoint.size,
			  audit.tree.size);
	else if (checkpoint.origin.len != strlen(keys[signer].name) ||
			 memcmp(checkpoint.origin.data, keys[signer].name, checkpoint.origin.len) != 0)
		found("checkpoint of another log than its key's: of %" PRIu64 " entries", checkpoint.size);
	else if (memcmp(&root, &checkpoint.root, sizeof(root)) != 0)
		found("tree changed: the first %" PRIu64
			  " entries are not those of their checkpoint; those of the one before were %" PRIu64,
			  checkpoint.size, audit.proved);
	else
	{
		audit.proved = checkpoint.size;
		audit.checkpoints++;
		LIST_GROW(held);
		held.items[held.count++] = (Held){checkpoint.size, checkpoint.root};
	}
	return true;
}

static bool
take_line(Bytes text)
{
	static JsonValue values[VALUES_MAX];
	uint8_t *strings = must(malloc(text.len + 1));
	bool good =
		json_read(text, values, VALUES_MAX, strings) == JSON_OK && values->kind == JSON_OBJECT;
	const JsonValue *note = good ? member(values, "checkpoint") : NULL;

	if (good && member(values, "tarot_security") != NULL)
		good = begin_export(values);
	else if (good && audit.begun && note != NULL)
		good = note->kind == JSON_STRING && take_checkpoint(note->text);
	else
		good = good && audit.begun && take_entry(values);
	free(strings);
	return good;
}

static void
read_export(const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	uint64_t number = 0;
	ssize_t size;

	if (file == NULL)
		trouble("%s: %s", path, strerror(errno));
	while ((size = getline(&line, &room, file)) > 0)
	{
		number++;
		if (line[size - 1] == '\n')
			size--;
		if (size > 0 && !broken && !take_line(bytes_view(line, (size_t) size)))
			trouble("%s:%" PRIu64 ": not a line of tarot.export_audit()", path, number);
	}
	if (ferror(file))
		trouble("%s: %s", path, strerror(errno));
	free(line);
	if (file != stdin)
		fclose(file);
}

/* ---------------------------------------------------------------- what was kept */

static Bytes
read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t size = 0, room = 4096, read;
	char *text = must(malloc(room));

	if (file == NULL)
		trouble("%s: %s", path, strerror(errno));
	while ((read = fread(text + size, 1, room - size, file)) > 0)
	{
		size += read;
		if (size == room)
			text = must(realloc(text, room *= 2));
	}
	if (ferror(file))
		trouble("%s: %s", path, strerror(errno));
	fclose(file);
	return bytes_view(text, size);
}

static void
add_key(Bytes text)
{
	if (nkeys == KEYS_MAX)
		trouble("more than %d keys", KEYS_MAX);
	if (!note_key_read(text, &keys[nkeys]))
		trouble("not a public key: %.*s", (int) text.len, (const char *) text.data);
	nkeys++;
}

static void
add_key_file(const char *path)
{
	Bytes text = read_file(path);

	while (text.len > 0)
	{
		const uint8_t *end = memchr(text.data, '\n', text.len);
		size_t size = end == NULL ? text.len : (size_t) (end - text.data);

		if (size > 0)
			add_key(bytes_view(text.data, size));
		size += end != NULL;
		text = bytes_view(text.data + size, text.len - size);
	}
}

/* Where the first of some notes ends: its text, an empty line, signatures, and an empty line or the
 * end. */
static size_t
note_size(Bytes text)
{
	bool signatures = false;

	for (size_t i = 1; i < text.len; i++)
	{
		if (text.data[i] != '\n' || text.data[i - 1] != '\n')
			continue;
		if (signatures)
			return i;
		signatures = true;
	}
	return text.len;
}

static void
add_checkpoints(const char *path)
{
	Bytes text = read_file(path);

	while (text.len > 0)
	{
		Bytes note = bytes_view(text.data, note_size(text));
		Checkpoint checkpoint;
		int signer;

		if (!checkpoint_read(note, &checkpoint))
			trouble("%s: not a checkpoint", path);
		if (note_verify(note, keys, nkeys, &signer) != CRYPTO_OK)
			found("checkpoint badly signed: that of %" PRIu64 " entries in %s", checkpoint.size,
				  path);
		else
		{
			kept = must(realloc(kept, sizeof(Kept) * (nkept + 1)));
			kept[nkept++] = (Kept){checkpoint.size, checkpoint.root, false};
		}
		text = bytes_view(text.data + note.len, text.len - note.len);
		while (text.len > 0 && text.data[0] == '\n')
			text = bytes_view(text.data + 1, text.len - 1);
	}
}

/* ---------------------------------------------------------------- what is gone */

/* Checkpoints come in the order of their sizes. */
static bool
is_held(uint64_t size, const MerkleHash *root)
{
	size_t low = 0, high = held.count;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (held.items[middle].size < size)
			low = middle + 1;
		else
			high = middle;
	}
	return low < held.count && held.items[low].size == size &&
		   memcmp(&held.items[low].root, root, sizeof(*root)) == 0;
}

/* As the server takes it (seal/evidence.c): covered by a signature, of this log, of what was before
 * it. */
static void
believe(const Teller *teller)
{
	Bytes text = teller->positions;
	RetainedRange range;
	RetainedRun run;

	if (teller->position >= audit.proved)
		return;
	if (teller->size > 0 && teller->size <= teller->position &&
		is_held(teller->size, &teller->root))
	{
		while (retained_range_next(&text, &range))
		{
			if (range.end > teller->position)
				continue;
			LIST_GROW(dropped);
			dropped.items[dropped.count++] = range;
		}
	}
	text = teller->erased;
	while (retained_run_next(&text, &run))
	{
		LIST_GROW(erasures);
		erasures.items[erasures.count++] = run;
	}
}

static void
found_absence(const char *absence, uint64_t first, uint64_t end)
{
	if (!allow_gone)
		found("%s: %" PRIu64 " from position %" PRIu64 " on", absence, end - first, first);
}

static void
check_gone(void)
{
	for (size_t i = 0; i < gone.count; i++)
	{
		uint64_t position = gone.items[i].first;

		while (position < gone.items[i].end)
		{
			uint64_t first = position++;
			bool told = retained_ranges_have(dropped.items, dropped.count, first);

			while (position < gone.items[i].end &&
				   retained_ranges_have(dropped.items, dropped.count, position) == told)
				position++;
			if (told)
				audit.dropped += position - first;
			else
				found_absence("entries gone", first, position);
		}
	}
}

static bool
is_told(const Erased *entry)
{
	return retained_runs_have(erasures.items, erasures.count, entry->system, entry->transaction,
							  entry->number);
}

static void
check_erased(void)
{
	size_t i = 0;

	while (i < erased.count)
	{
		size_t first = i++;

		if (is_told(&erased.items[first]))
			continue;
		while (i < erased.count &&
			   erased.items[i].position == erased.items[first].position + (i - first) &&
			   !is_told(&erased.items[i]))
			i++;
		found_absence("details erased", erased.items[first].position,
					  erased.items[first].position + (i - first));
	}
}

static void
check_absence(void)
{
	for (size_t i = 0; i < tellers.count; i++)
		believe(&tellers.items[i]);
	dropped.count = retained_ranges_sort(dropped.items, dropped.count);
	erasures.count = retained_runs_sort(erasures.items, erasures.count);
	check_gone();
	check_erased();
}

/* ---------------------------------------------------------------- all of it */

static void
conclude(void)
{
	if (!audit.begun)
		trouble("there is no export");
	check_absence();
	if (audit.proved < audit.tree.size && !broken)
		found("not signed: no checkpoint proves the entries behind position %" PRIu64,
			  audit.proved);
	for (size_t i = 0; i < nkept; i++)
	{
		if (kept[i].met || broken)
			continue;
		if (kept[i].size > audit.tree.size)
			found("log truncated: a checkpoint that was kept has %" PRIu64 " entries, not %" PRIu64,
				  kept[i].size, audit.tree.size);
		else
			found("not covered: a checkpoint that was kept has %" PRIu64
				  " entries, the export begins at %" PRIu64,
				  kept[i].size, audit.first);
	}
	if (!quiet)
	{
		printf("%" PRIu64 " entries from position %" PRIu64 ", %" PRIu64 " of them gone",
			   audit.tree.size - audit.first, audit.first, audit.gone);
		if (audit.dropped > 0)
			printf(" (%" PRIu64 " dropped, as is told)", audit.dropped);
		printf(", %" PRIu64 " erased, %" PRIu64 " checkpoints: %s\n", audit.erased,
			   audit.checkpoints, findings == 0 ? "good" : "NOT GOOD");
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"key", required_argument, NULL, 'k'},
											{"key-file", required_argument, NULL, 'K'},
											{"checkpoint", required_argument, NULL, 'c'},
											{"allow-gone", no_argument, NULL, 'g'},
											{"quiet", no_argument, NULL, 'q'},
											{"help", no_argument, NULL, 'h'},
											{"version", no_argument, NULL, 'V'},
											{NULL, 0, NULL, 0}};
	const char **files = must(calloc((size_t) argc, sizeof(char *)));
	int nfiles = 0;
	int option;

	if (sodium_init() < 0)
		trouble("libsodium does not work here");
	while ((option = getopt_long(argc, argv, "k:K:c:gqhV", options, NULL)) != -1)
	{
		switch (option)
		{
			case 'k':
				add_key(bytes_of_string(optarg));
				break;
			case 'K':
				add_key_file(optarg);
				break;
			case 'c':
				files[nfiles++] = optarg;
				break;
			case 'g':
				allow_gone = true;
				break;
			case 'q':
				quiet = true;
				break;
			case 'h':
				fputs(help, stdout);
				return GOOD;
			case 'V':
				puts("tarot-verify " TAROT_VERSION);
				return GOOD;
			default:
				fputs("Try tarot-verify --help.\n", stderr);
				return TROUBLE;
		}
	}
	if (nkeys == 0)
		trouble("no key was given: try tarot-verify --help");
	for (int i = 0; i < nfiles; i++)
		add_checkpoints(files[i]);
	if (optind == argc)
		read_export("-");
	for (int i = optind; i < argc; i++)
		read_export(argv[i]);
	conclude();
	return findings == 0 ? GOOD : NOT_GOOD;
}
