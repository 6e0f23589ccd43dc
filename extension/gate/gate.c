/*
 * gate.c
 *		The gate between envelopes and plaintext.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "replication/logicalworker.h"
#include "replication/walsender.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "base/secret.h"
#include "class/reveal.h"
#include "gate/gate.h"
#include "gate/search.h"
#include "events/event.h"
#include "events/statement.h"
#include "keys/ring.h"
#include "keys/root.h"
#include "keys/subject.h"
#include "values/masking.h"

#define DEFAULT_KEY "default"

/*
 * How values of encrypted columns travel between a session and its client.
 * "plain" shows what the session's role may see. "envelope" reads and writes
 * envelopes as they are stored: set it in PGOPTIONS for pg_dump and
 * pg_restore. "masked" shows masks even to who may see more, and writes
 * nothing: an anonymous dump. Writing envelopes needs superuser or GRANT SET ON PARAMETER
 * tarot_security.io.
 */
static int io_setting = GATE_IO_PLAIN;

static const struct config_enum_entry io_options[] = {{"plain", GATE_IO_PLAIN, false},
													  {"envelope", GATE_IO_ENVELOPE, false},
													  {"masked", GATE_IO_MASKED, false},
													  {NULL, 0, false}};

void (*GateIoChanged)(void) = NULL;
int GateDumpDepth = 0;
int GateRewriteDepth = 0;
int GateBlindDepth = 0;
int32 GateRewriteRefused = CLASS_NONE;
Oid GateMaintenanceCaller = InvalidOid;

static void
assign_io(int new_setting, void *extra)
{
	(void) extra;
	if (new_setting != io_setting && GateIoChanged != NULL)
		GateIoChanged();
}

void
GateInit(void)
{
	DefineCustomEnumVariable(
		"tarot_security.io", "How values of encrypted columns travel to and from the client.",
		"plain: what the current role may see, and text to be sealed. "
		"envelope: as they are stored, for dumps; writing needs superuser or "
		"GRANT SET ON PARAMETER tarot_security.io. "
		"masked: at most the mask, for anonymous dumps; no writing.",
		&io_setting, GATE_IO_PLAIN, io_options, PGC_USERSET, 0, NULL, assign_io, NULL);
}

GateIo
GateCurrentIo(void)
{
	/* Logical decoding, its initial copy, and the worker that applies it elsewhere. */
	if (unlikely(HistoricSnapshotActive() || am_walsender || IsLogicalWorker()))
		return GATE_IO_ENVELOPE;

	/* pg_upgrade, which admits superusers alone, moves literals in defaults and views by dump. */
	if (unlikely(IsBinaryUpgrade))
		return GATE_IO_ENVELOPE;
	return (GateIo) io_setting;
}

void
GateRequireImport(void)
{
	if (superuser() || IsLogicalWorker() ||
		pg_parameter_aclcheck("tarot_security.io", GetUserId(), ACL_SET) == ACLCHECK_OK)
		return;
	ereport(ERROR,
			(EventDenied("write envelopes", NULL), errmsg("permission denied to write envelopes"),
			 errhint("A superuser can allow it: GRANT SET ON PARAMETER tarot_security.io.")));
}

/* ---------------------------------------------------------------- the verdict */

static void
decide(GateSite *site, int32 class_id, Oid role)
{
	AccessStamp stamp = {.catalog = CatalogEpoch};

	site->stamp.catalog = 0;
	site->data_class = NULL;
	site->key = NULL;
	site->read = READ_NONE;
	site->write = false;
	if (CLASS_IS_NAMED(class_id))
	{
		DataClass *data_class = ClassFind(class_id);

		if (data_class->exists)
		{
			uint64 epoch = stamp.catalog;
			ClassRights rights = ClassAccessOf(class_id, role, &stamp);

			/* What was found first is the oldest. */
			stamp.catalog = Min(stamp.catalog, epoch);
			site->data_class = data_class;
			site->read = rights.read;
			site->write = rights.write;
		}
	}

	site->counts = GateCountsOf(class_id, role);
	site->class_id = class_id;
	site->role = role;
	site->stamp = stamp;
}

static inline void
ensure_verdict(GateSite *site, int32 class_id)
{
	Oid role = GetUserId();

	/* Each time: some languages keep a site for the whole session. */
	RevealNotePlaintext();
	if (unlikely(!AccessStampHolds(&site->stamp) || site->role != role ||
				 site->class_id != class_id))
		decide(site, class_id, role);
}

/* ---------------------------------------------------------------- reading */

/*
 * A table rewritten with masks has lost its data, and a dump full of them
 * would be restored as if it were the data. row_security = off is another sign
 * of a dump: pg_dump sets it to get an error rather than only some of the
 * rows, and so it gets one here. (A parallel worker does not know of the
 * statement; what it evaluates for one is an expression of the user's, not the
 * column.)
 */
static void
refuse_partial_sight(const DataClass *data_class, GatePath path, GateCounts *counts)
{
	bool rewrite = GateRewriteDepth > 0;
	const char *name;

	if (!rewrite && (io_setting == GATE_IO_MASKED || (GateDumpDepth == 0 && row_security)))
		return;

	/* This may be for an error's detail, and that error is the one to be told. */
	if (rewrite && path == GATE_OUTPUT && data_class != NULL)
	{
		GateRewriteRefused = data_class->class_id;
		return;
	}

	if (counts != NULL)
		counts->seen.refused++;
	name = data_class != NULL ? psprintf("data class \"%s\"", data_class->name)
							  : "a literal of an encrypted type";
	ereport(
		ERROR,
		(EventDenied(rewrite ? "rewrite" : "copy", data_class != NULL ? data_class->name : NULL),
		 rewrite ? errmsg("permission denied to rewrite %s as plaintext", name)
				 : errmsg("permission denied to copy %s as plaintext", name),
		 errdetail("Role \"%s\" would get masks or placeholders instead of values.",
				   GetUserNameFromId(GetUserId(), true)),
		 rewrite ? errhint("Do it as a role that is granted plain read access.")
				 : errhint("Dump envelopes with PGOPTIONS='-c tarot_security.io=envelope', or "
						   "masks with PGOPTIONS='-c tarot_security.io=masked'.")));
}

void
GateFinishRewrite(void)
{
	if (unlikely(GateRewriteRefused != CLASS_NONE))
		refuse_partial_sight(ClassFind(GateRewriteRefused), GATE_CAST, NULL);
}

/* Statistics on an expression would keep its values: ANALYZE gets none. */
static inline bool
is_blind(void)
{
	return GateBlindDepth > 0 || compat_is_autovacuum_worker();
}

static inline bool
is_shredded(const Envelope *envelope)
{
	return envelope->header.subject_key != 0 &&
		   SubjectKeyLook(envelope->header.subject_key) == SUBJECT_KEY_DESTROYED;
}

/* The plaintext with headroom and a zero byte. It is NULL when it cannot be opened, and `try`. */
static GateSight
open_value(const Envelope *envelope, EnvelopeKind kind, bool try, size_t headroom, Bytes *plaintext)
{
	size_t size = envelope->ciphertext.len;
	char *out;

	if (envelope->header.kind != kind || size > KEY_RING_PLAINTEXT_MAX)
	{
		if (!try)
			CryptoRaise(CRYPTO_MALFORMED);
		return GATE_NULL;
	}
	if (is_shredded(envelope))
		return GATE_SHREDDED;

	out = palloc(headroom + size + 1);
	if (!try)
		KeyRingOpen(envelope, NULL, 0, (uint8_t *) out + headroom);
	else if (!KeyRingTryOpen(envelope, NULL, 0, (uint8_t *) out + headroom))
		return GATE_NULL;
	out[headroom + size] = '\0';
	*plaintext = bytes_view(out + headroom, size);
	return GATE_VALUE;
}

static GateSight
read_masked(DataClass *data_class, const Envelope *envelope, EnvelopeKind kind, bool try,
			size_t headroom, Bytes *masked)
{
	Bytes plaintext = {0};
	GateSight sight = GATE_VALUE;
	bool shown;

	if (ClassMaskNeedsValue(data_class))
		sight = open_value(envelope, kind, try, VARHDRSZ, &plaintext);
	if (sight != GATE_VALUE)
		return sight;
	shown = ClassMask(data_class, kind, plaintext, headroom, masked);
	if (plaintext.data != NULL)
	{
		secret_wipe((void *) plaintext.data, plaintext.len);
		pfree((char *) plaintext.data - VARHDRSZ);
	}
	return shown ? GATE_MASKED : GATE_NULL;
}

static inline bool
is_output(GatePath path)
{
	return path == GATE_OUTPUT || path == GATE_OUTPUT_AS_CAST;
}

/*
 * A value of which it is put on record that it was shown. What a purpose is
 * missing for is an error, but where the server itself prints a value: in a plan, or
 * in another error's detail, that one is the one to be told.
 */
static GateSight
read_noted(const GateSite *site, const Envelope *envelope, EnvelopeKind kind, GatePath path,
		   size_t headroom, Bytes *plaintext)
{
	ReadAccess read = site->read;
	int32 class_id = (int32) envelope->header.class_id;
	bool printed = path == GATE_OUTPUT && GateDumpDepth == 0 && GateRewriteDepth == 0;

	site->counts->seen.refused += read == READ_UNSTATED;
	if (read == READ_UNSTATED && printed && row_security)
		return GATE_REFUSED;
	(void) ClassReveal(class_id, read);
	site->counts->seen.plain++;
	return open_value(envelope, kind, path == GATE_TRY_CAST, headroom, plaintext);
}

static inline bool
is_masked_for_all(void)
{
	return (io_setting == GATE_IO_MASKED && GateRewriteDepth == 0) || is_blind();
}

/* No error, but a placeholder: on record once a statement. */
static void
note_refused_read(const GateSite *site)
{
	static TimestampTz noted_statement;
	static uint64 noted_number;
	static int32 noted_class;
	static Oid noted_role;
	TimestampTz statement = GetCurrentStatementStartTimestamp();

	/* Of a literal nobody sees anything. */
	if (site->data_class == NULL ||
		likely(noted_statement == statement && noted_number == StatementNumber &&
			   noted_class == site->class_id && noted_role == site->role))
		return;
	noted_statement = statement;
	noted_number = StatementNumber;
	noted_class = site->class_id;
	noted_role = site->role;
	EventReportOnce(&(SecurityEvent){.type = "CLASS_ACCESS",
									 .action = "read",
									 .status = EVENT_DENIED,
									 .details = {{"class", site->data_class->name}}});
}

/* For who may not simply read: apart, so that who may does not pay for it. */
static pg_noinline GateSight
read_less(const GateSite *site, const Envelope *envelope, EnvelopeKind kind, GatePath path,
		  size_t headroom, Bytes *plaintext)
{
	if (is_blind())
		return GATE_REFUSED;
	if (site->read >= READ_UNSTATED && !is_masked_for_all())
		return read_noted(site, envelope, kind, path, headroom, plaintext);
	refuse_partial_sight(site->data_class, path, site->counts);
	if (site->read == READ_NONE)
	{
		site->counts->seen.refused++;
		note_refused_read(site);
		return GATE_REFUSED;
	}
	site->counts->seen.masked++;
	return read_masked(site->data_class, envelope, kind, path == GATE_TRY_CAST, headroom,
					   plaintext);
}

GateSight
GateRead(GateSite *site, const Envelope *envelope, EnvelopeKind kind, GatePath path,
		 size_t headroom, Bytes *plaintext)
{
	bool try = path == GATE_TRY_CAST;

	if (unlikely(envelope->header.class_id == CLASS_LITERAL) && !is_output(path))
	{
		RevealNotePlaintext();
		return open_value(envelope, kind, try, headroom, plaintext);
	}

	ensure_verdict(site, (int32) envelope->header.class_id);
	if (unlikely(is_output(path) && OidIsValid(GateMaintenanceCaller) &&
				 GateMaintenanceCaller != site->role))
		return GATE_REFUSED;
	if (likely(site->read == READ_PLAIN && !is_masked_for_all()))
	{
		site->counts->seen.plain++;
		return open_value(envelope, kind, try, headroom, plaintext);
	}
	return read_less(site, envelope, kind, path, headroom, plaintext);
}

/* ---------------------------------------------------------------- writing */

static uint32
default_key(void)
{
	static uint32 key_id;
	static uint64 epoch;

	if (epoch != CatalogEpoch)
	{
		uint64 now = CatalogEpoch;

		key_id = KeyRingFind(bytes_of_string(DEFAULT_KEY));
		epoch = now;
	}
	if (key_id == 0)
	{
		epoch = 0;
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("this database has no keys yet"),
						errhint("Create one with tarot.create_key(), and a data class with "
								"tarot.create_class().")));
	}
	return key_id;
}

pg_noreturn static void
refuse_write(const GateSite *site)
{
	const char *name = ClassRequire(site->class_id)->name;
	const char *role = GetUserNameFromId(GetUserId(), true);

	ereport(ERROR, (EventDenied("write", name),
					errmsg("permission denied to write data class \"%s\"", name),
					errdetail("Role \"%s\" has no write access to it.", role),
					errhint("Grant it with tarot.grant_class(%s, %s, ..., write => true).",
							quote_literal_cstr(name), quote_literal_cstr(role))));
}

/* Raises unless the current role may write the class. */
static inline void
require_write(const GateSite *site)
{
	if (unlikely(!site->write) && site->class_id != CLASS_LITERAL)
		refuse_write(site);
}

/*
 * What is read while masks are asked for, also from everybody else's functions
 * that the session calls, must not be written over what it masks.
 */
static void
refuse_masked_write(int32 class_id)
{
	if (io_setting == GATE_IO_MASKED && class_id != CLASS_LITERAL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("encrypted columns cannot be written while masks are read"),
						errdetail("A mask could be written over the value that it masks."),
						errhint("SET tarot_security.io = plain.")));
}

/* The key of a site whose verdict is known. */
static inline DataKey *
key_of_site(GateSite *site)
{
	if (unlikely(site->key == NULL || !DataKeyIsReady(site->key)))
		site->key =
			KeyRingCurrent(site->data_class != NULL ? site->data_class->key_id : default_key());
	return site->key;
}

/* The key that seals for a class, if the current role may. */
static DataKey *
sealing_key(GateSite *site, int32 class_id)
{
	ensure_verdict(site, class_id);
	require_write(site);
	refuse_masked_write(class_id);
	return key_of_site(site);
}

struct varlena *
GateSeal(GateSite *site, int32 class_id, EnvelopeKind kind, Bytes plaintext)
{
	DataKey *key = sealing_key(site, class_id);
	EnvelopeHeader header = {.kind = kind, .class_id = (uint32) class_id};
	SearchTags tags;

	if (site->data_class != NULL && site->data_class->searchable)
		SearchTagsComplete(site->data_class, key, &header, plaintext, &tags);
	return KeyRingSeal(key, &header, NULL, 0, plaintext);
}

static struct varlena *
seal_by_class(GateSite *site, EnvelopeHeader *header, Bytes plaintext)
{
	DataKey *key = key_of_site(site);
	SearchTags tags;

	if (SearchTagsDependOnNonce(header))
		SearchTagsComplete(site->data_class, key, header, plaintext, &tags);
	return KeyRingSeal(key, header, NULL, 0, plaintext);
}

/* Opens it and seals what is in it under another header, by its subject's key or the class's. */
static struct varlena *
seal_again(GateSite *site, const Envelope *envelope, EnvelopeHeader *header)
{
	uint8_t *plaintext;
	Bytes view;
	struct varlena *out;

	if (envelope->ciphertext.len > KEY_RING_PLAINTEXT_MAX)
		CryptoRaise(CRYPTO_MALFORMED);
	plaintext = palloc(envelope->ciphertext.len + 1);
	KeyRingOpen(envelope, NULL, 0, plaintext);
	plaintext[envelope->ciphertext.len] = '\0';
	view = bytes_view(plaintext, envelope->ciphertext.len);
	out =
		header->subject_key != 0 ? SubjectKeySeal(header, view) : seal_by_class(site, header, view);
	secret_wipe(plaintext, envelope->ciphertext.len);
	pfree(plaintext);
	return out;
}

struct varlena *
GateReseal(GateSite *site, const Envelope *envelope, int32 class_id)
{
	int32 from = (int32) envelope->header.class_id;
	uint8_t *plaintext;
	struct varlena *out;

	ensure_verdict(site, class_id);
	require_write(site);
	if (from == CLASS_NONE || envelope->ciphertext.len > KEY_RING_PLAINTEXT_MAX)
		CryptoRaise(CRYPTO_MALFORMED);
	if (from != CLASS_LITERAL)
	{
		DataClass *data_class = ClassRequire(from);

		if (!ClassReveal(from, ClassAccessOf(from, GetUserId(), NULL).read))
			ereport(ERROR, (EventDenied("move", data_class->name),
							errmsg("permission denied to move a value out of data class \"%s\"",
								   data_class->name),
							errdetail("That needs plain read access to it.")));
		GateCountsOf(from, GetUserId())->seen.plain++;
	}
	plaintext = palloc(envelope->ciphertext.len + 1);
	KeyRingOpen(envelope, NULL, 0, plaintext);
	plaintext[envelope->ciphertext.len] = '\0';
	out = GateSeal(site, class_id, envelope->header.kind,
				   bytes_view(plaintext, envelope->ciphertext.len));
	secret_wipe(plaintext, envelope->ciphertext.len);
	pfree(plaintext);
	return out;
}

GateSight
GateSealMask(GateSite *site, const Envelope *envelope, struct varlena **sealed)
{
	EnvelopeHeader header = {.kind = envelope->header.kind, .class_id = envelope->header.class_id};
	int32 class_id = (int32) header.class_id;
	SearchTags tags;
	GateSight sight;
	DataKey *key;
	Bytes mask;

	if (!CLASS_IS_NAMED(class_id))
		CryptoRaise(CRYPTO_MALFORMED);
	ensure_verdict(site, class_id);
	if (site->data_class == NULL)
		ClassRequire(class_id);
	sight = read_masked(site->data_class, envelope, header.kind, false, 0, &mask);
	if (sight != GATE_MASKED)
		return sight;
	key = key_of_site(site);
	if (site->data_class->searchable)
		SearchTagsComplete(site->data_class, key, &header, mask, &tags);
	*sealed = KeyRingSeal(key, &header, NULL, 0, mask);
	return sight;
}

/* ---------------------------------------------------------------- rows */

static void
require_right(GateSite *site, GateRight right)
{
	if (right == GATE_RIGHT_OWNER)
		return;
	refuse_masked_write(site->class_id);
	if (right == GATE_RIGHT_MOVE && !(ClassReveal(site->class_id, site->read) && site->write))
		ereport(
			ERROR,
			(EventDenied("move", site->data_class->name),
			 errmsg("permission denied to move a value of data class \"%s\" to another row",
					site->data_class->name),
			 errdetail("Role \"%s\" would need plain read access and write access to the class.",
					   GetUserNameFromId(GetUserId(), true)),
			 errhint("Values are bound to their rows. Copying one, or changing what "
					 "identifies its row, moves it.")));
	if (right == GATE_RIGHT_WRITE && GateCurrentIo() == GATE_IO_ENVELOPE)
		GateRequireImport();
	else
		require_write(site);
}

struct varlena *
GateRebind(GateSite *site, const Envelope *envelope, const GateRow *row, GateRight right)
{
	int32 class_id = (int32) envelope->header.class_id;
	EnvelopeHeader header = envelope->header;

	if (!CLASS_IS_NAMED(class_id))
		CryptoRaise(CRYPTO_MALFORMED);
	ensure_verdict(site, class_id);
	if (site->data_class == NULL)
		ClassRequire(class_id);
	require_right(site, right);
	header.binding = row->binding;
	if (row->subject != NULL)
	{
		header.subject_key = SubjectKeyOf(class_id, site->data_class->key_id, row->subject);
		header.key_id = 0;
		header.key_version = 0;
	}
	return seal_again(site, envelope, &header);
}
