/*
 * class.h
 *		Data classes: the one notion of how sensitive a value is. Key, mask and
 *		grants follow from the class of a column.
 */
#ifndef TAROT_CLASS_CLASS_H
#define TAROT_CLASS_CLASS_H

#include "access/htup_details.h"
#include "utils/array.h"

#include "base/bytes.h"
#include "class/normalize.h"
#include "keys/derived.h"
#include "crypto/envelope.h"
#include "mask/json.h"
#include "mask/keyed.h"
#include "mask/mask.h"

/*
 * The number of a class is a hash of its name, so that a dump can be restored
 * before the table of classes is: it is the type modifier of columns and
 * stands in every envelope.
 */
#define CLASS_NONE 0             /* tarot.encrypt(): no class, no gate */
#define CLASS_LITERAL 0x7FFFFFFF /* a literal whose class is not known yet */
#define CLASS_IS_NAMED(class_id) ((class_id) > CLASS_NONE && (class_id) < CLASS_LITERAL)

/* How the search tags of a class are made (gate/search.h). */
typedef struct SearchSpec
{
	int generation; /* of the class's search keys, from 1 on; 0: none yet */
	uint32 key_id;  /* that the search key is derived from, for ever the same */
	uint32 version; /* of this key */
	Normalization normalization;
	int bits; /* of the HMAC that a tag keeps */
} SearchSpec;

typedef struct SearchKey
{
	SearchSpec spec;
	DerivedHmac hmac;
} SearchKey;

/* What a search key of a class is for. */
typedef enum SearchState
{
	SEARCH_NEXT,     /* new values are given its tags, beside those that count */
	SEARCH_ACTIVE,   /* its tags count */
	SEARCH_RETIRING, /* its tags are taken off */
	SEARCH_RETIRED,
} SearchState;

/* A class as this backend knows it. Never freed: pointers to those that exist stay good. */
typedef struct DataClass
{
	int32 class_id; /* hash key */
	uint64 epoch;   /* of all that follows */
	bool exists;
	bool searchable;
	bool per_subject; /* each data subject has a key of its own */
	char name[NAMEDATALEN];
	uint32 key_id;
	ArrayType *purposes;  /* for which values are shown; NULL: for whatever */
	MaskSpec mask;        /* in UTF-8 */
	MaskRules *rules;     /* of masks of JSON; else NULL */
	DerivedHmac mask_key; /* of mask "hash" */
	MaskKeys *mask_keys;  /* of the other keyed masks; NULL until used */
	uint64 mask_keys_epoch;
	uint64 mask_keys_generation;
	SearchKey search;      /* of the tags that count; generation 0: never searchable */
	SearchKey next_search; /* of those that will, while the search key changes; else generation 0 */
} DataClass;

extern int32 ClassIdOfName(Bytes name);

/* The entry, up to date; exists is false for an unknown class, which is good until the next call.
 */
extern DataClass *ClassFind(int32 class_id);

/* A row of tarot.search_key; returns its class. */
extern int32
ClassSearchRow(HeapTuple tuple, TupleDesc desc, SearchSpec *search, SearchState *state);

/*
 * The generation of search keys whose tags count, 0 where there is none; also
 * of a class whose own row is not here: a dump is restored table by table.
 */
extern int ClassSearchGeneration(int32 class_id);

/* Raises for an unknown class. */
extern DataClass *ClassRequire(int32 class_id);

/* The key of hashes as masks; good until the next statement. */
extern Hmac *ClassMaskKey(DataClass *data_class);

/* Those of pseudonyms, fakes and noise, likewise; from a secret of their own. */
extern MaskKeys *ClassMaskKeys(DataClass *data_class);

/* Wipes the mask and search keys of a server that was locked. */
extern void ClassForgetLocked(void);

/*
 * Raises when it knows of a column of this class. Called before a class is
 * dropped, or what else `purpose` says ("drop").
 */
typedef void (*ClassUseCheck)(int32 class_id, const char *class_name, const char *purpose);

extern void ClassRegisterUse(ClassUseCheck check);

extern void ClassInit(void);

#endif
