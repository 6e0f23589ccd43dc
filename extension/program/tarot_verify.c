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
#include <stdio.h>
#include <stdlib.h>

#include "crypto/audit_leaf.h"
#include "crypto/audit_retention.h"
#include "crypto/note.h"
#include "program/absence.h"
#include "program/line.h"
#include "program/tell.h"

/* Exit statuses. */
#define GOOD 0
#define NOT_GOOD 1

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

/* The log so far. */
static struct
{
	bool begun;
	uint64_t first;
	MerkleFrontier tree;
	uint64_t proved; /* the size of the last checkpoint that held */
	uint64_t checkpoints;
	uint64_t gone;
	uint64_t erased;
} audit;

/* ---------------------------------------------------------------- lines */

static bool
begin_export(const JsonValue *line)
{
	const JsonValue *peaks = line_member(line, "peaks"), *peak;
	MerkleFrontier tree = {0};
	uint32_t i;

	if (!line_number(line, "from", &tree.size) || tree.size > MERKLE_SIZE_MAX || peaks == NULL ||
		peaks->kind != JSON_ARRAY || peaks->count != (uint32_t) merkle_peaks(tree.size))
		return false;
	for (peak = json_first(peaks), i = 0; i < peaks->count; peak = json_next(peak), i++)
	{
		if (peak->kind != JSON_STRING ||
			!line_hex(peak->text, tree.peaks[tree.count++].bytes, NULL))
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

static bool
take_entry(const JsonValue *line)
{
	uint64_t position;
	uint8_t salt[HASH_SIZE];
	AuditLeaf entry;
	MerkleHash leaf, hash;
	Bytes hex;

	if (!line_number(line, "position", &position) || !line_text(line, "leaf", &hex) ||
		hex.data == NULL || !line_hex(hex, leaf.bytes, NULL))
		return false;
	if (position != audit.tree.size)
	{
		found("entry missing: behind position %" PRIu64 " comes %" PRIu64
			  "; the rest was not checked",
			  audit.tree.size, position);
		broken = true;
		return true;
	}
	if (line_member(line, "transaction") == NULL)
	{
		absence_note_gone(position);
		audit.gone++;
	}
	else
	{
		bool good;

		if (!line_entry(line, &entry, salt))
			return false;
		require(audit_leaf_hash(&entry, &hash));
		good = memcmp(&hash, &leaf, sizeof(hash)) == 0;
		if (!good)
			found("entry changed: at position %" PRIu64 ", transaction %" PRIu64
				  ", number %" PRId64,
				  position, entry.transaction, entry.number);
		else if (audit_leaf_is_erased(&entry))
		{
			absence_note_erased(position, &entry);
			audit.erased++;
		}
		else if (entry.operation == AUDIT_RETENTION_OPERATION)
			absence_note_teller(position, entry.new_row);
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
		absence_note_checkpoint(checkpoint.size, &checkpoint.root);
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
	const JsonValue *note = good ? line_member(values, "checkpoint") : NULL;

	if (good && line_member(values, "tarot_security") != NULL)
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

/* ---------------------------------------------------------------- all of it */

static void
conclude(void)
{
	uint64_t dropped;

	if (!audit.begun)
		trouble("there is no export");
	if (audit.tree.size == audit.first && audit.checkpoints == 0)
		found("nothing to check: neither an entry nor a checkpoint is in the export");
	dropped = absence_check(audit.proved, allow_gone);
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
		if (dropped > 0)
			printf(" (%" PRIu64 " dropped, as is told)", dropped);
		printf(", %" PRIu64 " erased, %" PRIu64 " checkpoints: %s\n", audit.erased,
			   audit.checkpoints, tell_findings == 0 ? "good" : "NOT GOOD");
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
				return TELL_TROUBLE;
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
	return tell_findings == 0 ? GOOD : NOT_GOOD;
}
