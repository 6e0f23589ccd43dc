/*
 * gate.h
 *		The gate: what the current role gets to see of a sealed value, and
 *		what it may seal.
 *
 * Every read of an encrypted column, whatever the query path, comes through
 * GateRead. Plaintext leaves it only for a role that is
 * granted it; a masked role gets the mask, any other one a placeholder.
 */
#ifndef TAROT_GATE_GATE_H
#define TAROT_GATE_GATE_H

#include "class/access.h"
#include "class/class.h"
#include "crypto/envelope.h"
#include "gate/counts.h"

/* Stands for a value that the role may not read at all. */
#define GATE_PLACEHOLDER "[encrypted]"

/* Stands for a value that nobody can read any more, where NULL cannot. */
#define GATE_SHREDDED_PLACEHOLDER "[destroyed]"

/* How values of encrypted types travel between this session and its client. */
typedef enum GateIo
{
	GATE_IO_PLAIN,    /* as the gate decides; the default */
	GATE_IO_ENVELOPE, /* as envelopes, unchanged: for dumps and replication */
	GATE_IO_MASKED,   /* as masks at most: for anonymous dumps */
} GateIo;

/* The setting; where data is replicated, always as envelopes. */
extern GateIo GateCurrentIo(void);

/* Called when the setting changes, also at the end of a transaction; or NULL. Must not raise. */
extern void (*GateIoChanged)(void);

/*
 * What one call site, usually a column of a query, has found out; zeroed at
 * first, and kept in fn_extra. Asking again costs a few comparisons.
 */
typedef struct GateSite
{
	AccessStamp stamp;
	Oid role;
	int32 class_id;
	ReadAccess read;
	bool write;
	DataClass *data_class; /* NULL: a literal, or an unknown class */
	struct DataKey *key;   /* that seals; NULL until first needed */
	GateCounts *counts;    /* of the class and the role */
} GateSite;

/* What the gate shows of a value. */
typedef enum GateSight
{
	GATE_VALUE,    /* the value */
	GATE_MASKED,   /* its mask, likewise */
	GATE_NULL,     /* a mask that is NULL; or it could not be opened */
	GATE_SHREDDED, /* no longer there for anybody: the key of its data subject is destroyed */
	GATE_REFUSED,  /* nothing: GATE_PLACEHOLDER, where the type has room for it */
} GateSight;

typedef enum GatePath
{
	/*
	 * A type's output. A literal without a class is not shown: definitions of
	 * views and defaults, EXPLAIN and auto_explain print theirs through it.
	 */
	GATE_OUTPUT,

	/* The same where an expression takes it for a cast, as to types that have no other. */
	GATE_OUTPUT_AS_CAST,

	/* The cast within a query: whoever may run one with a literal in it may compute with that. */
	GATE_CAST,

	/* As the cast, but NULL where the envelope cannot be opened. */
	GATE_TRY_CAST,
} GatePath;

/*
 * A value of this kind, or its mask, as the current role may see it, in plaintext form
 * (plaintext.h): palloc'd with `headroom` bytes before it and a zero byte
 * after it.
 */
extern GateSight GateRead(GateSite *site, const Envelope *envelope, EnvelopeKind kind,
						  GatePath path, size_t headroom, Bytes *plaintext);

/*
 * Seals under a class, which the current role must be allowed to write; or
 * under the default key, for a literal whose class is not known yet.
 */
extern struct varlena *GateSeal(GateSite *site, int32 class_id, EnvelopeKind kind, Bytes plaintext);

/*
 * The same value under another class. From a literal that needs the right to
 * write the new class; from a class also the right to read it.
 */
extern struct varlena *GateReseal(GateSite *site, const Envelope *envelope, int32 class_id);

/*
 * The mask of a value, sealed in its place under the same class (GATE_MASKED); GATE_NULL where that
 * is none, and GATE_SHREDDED where nobody can read the value any more. Nothing is shown, and no
 * right is asked for: it is for what is to be done whatever a role may see.
 */
extern GateSight GateSealMask(GateSite *site, const Envelope *envelope, struct varlena **sealed);

/* What the current role needs for it that a value is sealed again for another row. */
typedef enum GateRight
{
	GATE_RIGHT_WRITE, /* for a value of no row yet; or the right to import, where io is envelope */
	GATE_RIGHT_MOVE,  /* for another row's: to read it plain, and to write */
	GATE_RIGHT_OWNER, /* nothing: the caller knows that the role owns the table */
} GateRight;

/* What ties a value to its row. */
typedef struct GateRow
{
	const uint8_t *binding; /* crypto/binding.h, or NULL */
	const uint8_t *subject; /* keys/subject.h: the hash of its data subject, or NULL */
} GateRow;

/*
 * The same value under the same class for a row, with the rest of the header
 * as it was. Nothing is shown.
 */
extern struct varlena *
GateRebind(GateSite *site, const Envelope *envelope, const GateRow *row, GateRight right);

/* Raises unless the current role may bring envelopes in from outside. */
extern void GateRequireImport(void);

/* How deep we are in statements that ask for more care than a query does. */
extern int GateDumpDepth;    /* COPY TO: masks only where they are asked for */
extern int GateRewriteDepth; /* ALTER TABLE: never a mask, it would become the data */
extern int GateBlindDepth;   /* ANALYZE: a placeholder for everybody */

/*
 * ALTER TABLE has values printed for the errors that it raises, as of a key that
 * comes twice; but a function may do it, too, to make data of them. So a class of
 * which no value was shown then is noted here, and at its end the statement
 * fails, unless it has before.
 */
extern int32 GateRewriteRefused;
extern void GateFinishRewrite(void);

/*
 * Who called a statement that builds indexes, which the server does as the
 * table's owner: what it then prints, as of a key that comes twice, is for the
 * caller.
 */
extern Oid GateMaintenanceCaller;

extern void GateInit(void);

#endif
