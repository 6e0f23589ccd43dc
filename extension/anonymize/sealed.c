/*
 * sealed.c
 *		The masks of encrypted values, sealed as new values of the same class.
 *
 * Through the gate, by which the role that asked for it must read and write the
 * class; the rows themselves are worked on as the table's owner.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "anonymize/sealed.h"
#include "base/varlena.h"
#include "column/column.h"
#include "gate/gate.h"
#include "keys/root.h"
#include "values/masking.h"
#include "values/plaintext.h"

struct SealedColumn
{
	GateSite site;
	int32 class_id;
	Oid role;
	bool by_value; /* of the base type */
};

SealedColumn *
SealedColumnOf(Oid type, int32 typmod)
{
	Oid base;
	SealedColumn *column;

	type = getBaseTypeAndTypmod(type, &typmod);
	base = ColumnBaseType(type);
	if (!OidIsValid(base) || OidIsValid(get_element_type(type)) || !CLASS_IS_NAMED(typmod))
		return NULL;
	column = palloc0(sizeof(SealedColumn));
	column->class_id = typmod;
	column->role = GetUserId();
	column->by_value = get_typbyval(base);
	return column;
}

int32
SealedClass(const SealedColumn *column)
{
	return column->class_id;
}

void
SealedRequireAccess(const SealedColumn *column)
{
	const DataClass *data_class = ClassRequire(column->class_id);

	if (GateCurrentIo() == GATE_IO_MASKED)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("encrypted columns cannot be written while masks are read"),
						errhint("SET tarot_security.io = plain.")));
	if (!ClassAccessOf(column->class_id, GetUserId(), NULL).write)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to write data class \"%s\"", data_class->name),
				 errhint("Whoever seals masks in the place of its values must be granted it: "
						 "SELECT tarot.grant_class(%s, %s, 'plain', write => true); or name the "
						 "columns in keep or clear.",
						 quote_literal_cstr(data_class->name),
						 quote_literal_cstr(GetUserNameFromId(GetUserId(), false)))));
}

/* A number is the same however many zeros it ends in. */
static bool
is_same(EnvelopeKind kind, Bytes value, Bytes mask)
{
	Bytes one = PlaintextCanonical(kind, value);
	Bytes other = PlaintextCanonical(kind, mask);
	bool same = one.len == other.len && memcmp(one.data, other.data, one.len) == 0;

	PlaintextWipeDerived(one, value);
	PlaintextWipeDerived(other, mask);
	return same;
}

static void
make_mask(SealedColumn *column, EnvelopeKind kind, Bytes value, SealedMask *mask)
{
	Bytes shown;

	*mask = (SealedMask){.isnull = true};
	if (!ClassMask(ClassRequire(column->class_id), kind, value, 0, &shown))
		return;
	mask->isnull = false;
	mask->unchanged = is_same(kind, value, shown);
	mask->sealed = PointerGetDatum(GateSeal(&column->site, column->class_id, kind, shown));
}

static bool
open_value(SealedColumn *column, Datum value, Datum *plain, SealedMask *mask)
{
	Envelope envelope;
	Bytes plaintext;
	GateSight sight;

	CryptoCheck(envelope_parse(BytesOfVarlena(PG_DETOAST_DATUM_PACKED(value)), &envelope));
	if ((int32) envelope.header.class_id != column->class_id)
		CryptoRaise(CRYPTO_MALFORMED);
	sight =
		GateRead(&column->site, &envelope, envelope.header.kind, GATE_CAST, VARHDRSZ, &plaintext);
	if (sight == GATE_SHREDDED)
		return false;
	if (sight != GATE_VALUE)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to read data class \"%s\"",
							   ClassRequire(column->class_id)->name)));
	if (mask != NULL)
		make_mask(column, envelope.header.kind, plaintext, mask);
	*plain = PlaintextToDatum(envelope.header.kind, plaintext);
	return true;
}

bool
SealedOpen(SealedColumn *column, Datum value, Datum *plain, SealedMask *mask)
{
	Oid user;
	int security;
	bool opened;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(column->role, security);
	opened = open_value(column, value, plain, mask);
	SetUserIdAndSecContext(user, security);
	return opened;
}

void
SealedWipe(SealedColumn *column, Datum plain)
{
	if (!column->by_value)
		PlaintextWipeDatum(plain);
}
