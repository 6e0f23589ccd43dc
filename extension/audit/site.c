/*
 * site.c
 *		What the entries of a table's changes have in common, kept from one
 *		statement to the next: to find it takes longer than to write an entry.
 *
 * It rests on the table with its trigger, key and labels, of which each change
 * sends an invalidation of the table, and on names of schemas, types and their
 * output functions. What rests on anything else (RowShapeIsLasting) is not kept.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "audit/site.h"
#include "trail/entry.h"

/* With more all are forgotten, when the transaction has ended: partitions may be many. */
#define SITES_MAX 256

typedef struct SiteKey
{
	Oid relation;
	Oid trigger;
	bool keys;
} SiteKey;

typedef struct KnownSite
{
	SiteKey key;
	bool quote_all; /* the setting by which it was named */
	bool stale;
	const AuditSite *site;
	MemoryContext context; /* of that */
} KnownSite;

static HTAB *known_sites;

/* There was one more. */
static bool full;

/* Grows when any is forgotten. */
static uint64 forgotten;

static void
on_relation_change(Datum argument, Oid relation)
{
	HASH_SEQ_STATUS all;
	KnownSite *known;

	(void) argument;
	forgotten++;
	if (hash_get_num_entries(known_sites) == 0)
		return;
	hash_seq_init(&all, known_sites);
	while ((known = hash_seq_search(&all)) != NULL)
		known->stale |= relation == InvalidOid || relation == known->key.relation;
}

static void
on_other_change(Datum argument, int cache, uint32 hash)
{
	(void) cache;
	(void) hash;
	on_relation_change(argument, InvalidOid);
}

/* Statements that run may still use it. */
static void
forget(KnownSite *known)
{
	MemoryContextSetParent(known->context, TopTransactionContext);
	hash_search(known_sites, &known->key, HASH_REMOVE, NULL);
}

/* The transaction has ended, and with it all statements. */
static void
on_transaction_end(XactEvent event, void *argument)
{
	HASH_SEQ_STATUS all;
	KnownSite *known;

	(void) argument;
	if (likely(!full) ||
		(event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE))
		return;
	hash_seq_init(&all, known_sites);
	while ((known = hash_seq_search(&all)) != NULL)
	{
		MemoryContextDelete(known->context);
		hash_search(known_sites, &known->key, HASH_REMOVE, NULL);
	}
	full = false;
}

static const AuditSite *
make_site(Relation relation, const Trigger *trigger, const SiteKey *key)
{
	uint64 before = forgotten;
	MemoryContext context =
		AllocSetContextCreate(TopTransactionContext, "tarot_security audit", ALLOCSET_SMALL_SIZES);
	MemoryContext outer = MemoryContextSwitchTo(context);
	AuditSite *site = palloc(sizeof(AuditSite));
	KnownSite *known;

	site->shape = RowShapeMake(relation, trigger, key->keys);
	site->name = EntryTableName(relation);
	MemoryContextSwitchTo(outer);
	full |= hash_get_num_entries(known_sites) >= SITES_MAX;
	if (full || before != forgotten || !RowShapeIsLasting(site->shape))
	{
		MemoryContextSetParent(context, outer);
		return site;
	}
	known = hash_search(known_sites, key, HASH_ENTER, NULL);
	known->quote_all = quote_all_identifiers;
	known->stale = false;
	known->site = site;
	known->context = context;
	MemoryContextSetParent(context, TopMemoryContext);
	return site;
}

const AuditSite *
AuditSiteOf(Relation relation, const Trigger *trigger, bool keys)
{
	SiteKey key;
	KnownSite *known;

	memset(&key, 0, sizeof(key)); /* with what is between them */
	key.relation = RelationGetRelid(relation);
	key.trigger = trigger->tgoid;
	key.keys = keys;
	known = hash_search(known_sites, &key, HASH_FIND, NULL);
	if (likely(known != NULL && !known->stale && known->quote_all == quote_all_identifiers))
		return known->site;
	if (known != NULL)
		forget(known);
	return make_site(relation, trigger, &key);
}

void
SiteInit(void)
{
	HASHCTL options = {.keysize = sizeof(SiteKey), .entrysize = sizeof(KnownSite)};

	known_sites =
		hash_create("tarot_security audited tables", 16, &options, HASH_ELEM | HASH_BLOBS);
	RegisterXactCallback(on_transaction_end, NULL);
	CacheRegisterRelcacheCallback(on_relation_change, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, on_other_change, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, on_other_change, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, on_other_change, (Datum) 0);
}
