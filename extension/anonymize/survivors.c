/*
 * survivors.c
 *		Whether raw values are still there.
 */
#include "postgres.h"

#include <sodium.h>

#include "common/hashfn.h"
#include "lib/bloomfilter.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "anonymize/survivors.h"

/* What one takes in both tables, with what a hash table needs. */
#define SUSPECT_BYTES 160

/* Fewer would be confirmed too often, each time with a scan. */
#define SUSPECTS_MIN 1024

/*
 * Stands for all that were found in a column after more were raw than there is
 * room for: no doubt is left then that values have survived.
 */
#define BEYOND 0

/* Longer words are no names, addresses or numbers of anything. */
#define WORD_MAX 512

typedef struct Suspect
{
	struct
	{
		uint64 hash;
		uint64 column;
	} name; /* hash key */
	int64 found;
} Suspect;

typedef struct Confirmed
{
	uint64 hash; /* hash key */
	bool is_raw;
} Confirmed;

struct Survivors
{
	uint64 key;
	bloom_filter *filter;
	HTAB *suspects;  /* by hash and column */
	HTAB *confirmed; /* by hash */
	int64 most;      /* suspects at a time */
	bool is_full;    /* of raw values */
};

Survivors *
SurvivorsCreate(int64 values, int memory)
{
	Survivors *survivors = palloc0(sizeof(Survivors));
	HASHCTL by_column = {.keysize = sizeof(((Suspect *) NULL)->name),
						 .entrysize = sizeof(Suspect),
						 .hcxt = CurrentMemoryContext};
	HASHCTL by_hash = {
		.keysize = sizeof(uint64), .entrysize = sizeof(Confirmed), .hcxt = CurrentMemoryContext};

	randombytes_buf(&survivors->key, sizeof(survivors->key));
	survivors->filter = bloom_create(Max(values, 1), memory / 2, survivors->key);
	survivors->most = Max(memory / 2 * 1024L / SUSPECT_BYTES, SUSPECTS_MIN);
	survivors->suspects = hash_create("tarot_security survivors by column", 256, &by_column,
									  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	survivors->confirmed = hash_create("tarot_security survivors", 256, &by_hash,
									   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return survivors;
}

/*
 * Of small ASCII letters, so that an address is found however it is spelled.
 * The key is never shown, nor what is hashed by it, so no secure hash is needed.
 */
static uint64
hash_of(const Survivors *survivors, Bytes value)
{
	uint8 buffer[WORD_MAX];
	uint8 *lower = value.len <= sizeof(buffer) ? buffer : palloc(value.len);
	uint64 hash;

	lower[0] = 0; /* gcc does not see that no empty value comes here */

	for (size_t i = 0; i < value.len; i++)
		lower[i] = value.data[i] >= 'A' && value.data[i] <= 'Z' ? value.data[i] + ('a' - 'A')
																: value.data[i];
	hash = hash_bytes_extended(lower, (int) value.len, survivors->key);
	if (lower != buffer)
		pfree(lower);
	return hash;
}

static bool
is_blank(uint8 byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Without the blanks around it, as it is looked for among words. */
static Bytes
trim(Bytes value)
{
	while (value.len > 0 && is_blank(value.data[0]))
		value = bytes_view(value.data + 1, value.len - 1);
	while (value.len > 0 && is_blank(value.data[value.len - 1]))
		value.len--;
	return value;
}

void
SurvivorsAdd(Survivors *survivors, Bytes value)
{
	Bytes trimmed = trim(value);
	uint64 hash;

	if (trimmed.len < SURVIVOR_MIN_BYTES)
		return;
	hash = hash_of(survivors, trimmed);
	bloom_add_element(survivors->filter, (unsigned char *) &hash, sizeof(hash));
}

static void
look_up(Survivors *survivors, Bytes value, int column)
{
	Suspect wanted = {.name = {.column = (uint64) column}};
	Suspect *suspect;
	bool found;

	if (value.len < SURVIVOR_MIN_BYTES)
		return;
	wanted.name.hash = hash_of(survivors, value);
	if (likely(bloom_lacks_element(survivors->filter, (unsigned char *) &wanted.name.hash,
								   sizeof(wanted.name.hash))))
		return;
	if (survivors->is_full &&
		hash_search(survivors->suspects, &wanted.name, HASH_FIND, NULL) == NULL)
		wanted.name.hash = BEYOND;
	suspect = hash_search(survivors->suspects, &wanted.name, HASH_ENTER, &found);
	if (!found)
	{
		Confirmed *confirmed;

		suspect->found = 0;
		confirmed = hash_search(survivors->confirmed, &wanted.name.hash, HASH_ENTER, &found);
		if (!found)
			confirmed->is_raw = wanted.name.hash == BEYOND;
	}
	suspect->found++;
}

/* What stands between words in prose, JSON, XML, and lists of all kinds. */
static bool
is_separator(uint8 byte)
{
	return is_blank(byte) || (byte < 0x80 && strchr("\"'`<>()[]{},;=|\\", byte) != NULL);
}

static bool
is_punctuation(uint8 byte)
{
	return byte < 0x80 && strchr(".:!?/*_~#&-", byte) != NULL;
}

/*
 * A word, and what is left of it without the punctuation around it: "ada@example.org."
 * at the end of a sentence.
 */
static void
search_word(Survivors *survivors, Bytes word, int column)
{
	Bytes bare = word;

	while (bare.len > 0 && is_punctuation(bare.data[bare.len - 1]))
		bare.len--;
	while (bare.len > 0 && is_punctuation(bare.data[0]))
		bare = bytes_view(bare.data + 1, bare.len - 1);
	if (bare.len < word.len)
		look_up(survivors, bare, column);
	look_up(survivors, word, column);
}

void
SurvivorsSearch(Survivors *survivors, Bytes value, bool words, int column)
{
	Bytes whole = trim(value);
	size_t start = 0;

	look_up(survivors, whole, column);
	for (size_t i = 0; words && i <= whole.len; i++)
	{
		if (i < whole.len && (whole.data[i] == 0 || !is_separator(whole.data[i])))
			continue;
		/* The whole was looked up already. */
		if (i - start <= WORD_MAX && (start > 0 || i < whole.len))
			search_word(survivors, bytes_view(whole.data + start, i - start), column);
		start = i + 1;
	}
}

bool
SurvivorsSuspected(const Survivors *survivors)
{
	return hash_get_num_entries(survivors->suspects) > 0;
}

bool
SurvivorsCrowded(const Survivors *survivors)
{
	return !survivors->is_full && hash_get_num_entries(survivors->suspects) >= survivors->most;
}

static bool
is_raw(const Survivors *survivors, uint64 hash)
{
	const Confirmed *confirmed = hash_search(survivors->confirmed, &hash, HASH_FIND, NULL);

	return confirmed != NULL && confirmed->is_raw;
}

void
SurvivorsAcquit(Survivors *survivors)
{
	HASH_SEQ_STATUS scan;
	Suspect *suspect;
	Confirmed *confirmed;

	hash_seq_init(&scan, survivors->suspects);
	while ((suspect = hash_seq_search(&scan)) != NULL)
	{
		if (!is_raw(survivors, suspect->name.hash))
			hash_search(survivors->suspects, &suspect->name, HASH_REMOVE, NULL);
	}
	hash_seq_init(&scan, survivors->confirmed);
	while ((confirmed = hash_seq_search(&scan)) != NULL)
	{
		if (!confirmed->is_raw)
			hash_search(survivors->confirmed, &confirmed->hash, HASH_REMOVE, NULL);
	}
	survivors->is_full = hash_get_num_entries(survivors->suspects) >= survivors->most / 2;
}

void
SurvivorsConfirm(Survivors *survivors, Bytes value)
{
	Bytes trimmed = trim(value);
	Confirmed *confirmed;
	uint64 hash;

	if (trimmed.len < SURVIVOR_MIN_BYTES)
		return;
	hash = hash_of(survivors, trimmed);
	confirmed = hash_search(survivors->confirmed, &hash, HASH_FIND, NULL);
	if (confirmed != NULL)
		confirmed->is_raw = true;
}

int64
SurvivorsFound(const Survivors *survivors, int column)
{
	HASH_SEQ_STATUS scan;
	Suspect *suspect;
	int64 found = 0;

	hash_seq_init(&scan, survivors->suspects);
	while ((suspect = hash_seq_search(&scan)) != NULL)
	{
		if (suspect->name.column == (uint64) column && is_raw(survivors, suspect->name.hash))
			found += suspect->found;
	}
	return found;
}
