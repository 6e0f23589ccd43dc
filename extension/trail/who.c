/*
 * who.c
 *		Who the session is, as its entries of the audit log say it.
 *
 * Kept from one statement to the next, as long as nothing that it is made of has
 * changed: roles and their names, the verified identity, application_name.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/inet.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/utf8.h"
#include "base/varlena.h"
#include "trail/who.h"

typedef struct KnownWho
{
	Who who;
	MemoryContext context; /* of all this */
	uint64 roles;          /* as `changes` was */
	Bytes subject;
	const char *application;
} KnownWho;

static KnownWho *last;

/* Grows with each change of any role. */
static uint64 changes;

static void
on_role_change(Datum argument, int cache, uint32 hash)
{
	(void) argument;
	(void) cache;
	(void) hash;
	changes++;
}

/* ---------------------------------------------------------------- what it is made of */

static const char *
application(void)
{
	if (application_name != NULL && application_name[0] != '\0')
		return application_name;
	return MyBgworkerEntry != NULL ? MyBgworkerEntry->bgw_name : "";
}

static void
add(Who *who, StringInfo data, WhoColumn column, const void *value, Size size)
{
	appendStringInfoSpaces(data, (int) (MAXALIGN(data->len) - data->len));
	who->offsets[column] = data->len;
	appendBinaryStringInfo(data, value, (int) size);
}

/* An empty one is none. */
static void
add_text(Who *who, StringInfo data, WhoColumn column, Bytes text)
{
	const void *value = TextOfBytes(text);

	if (text.len > 0)
		add(who, data, column, value, VARSIZE_ANY(value));
}

static void
add_role(Who *who, StringInfo data, WhoColumn column, Oid role)
{
	add_text(who, data, column, bytes_of_string(GetUserNameFromId(role, false)));
}

static void
add_client(Who *who, StringInfo data)
{
	LOCAL_FCINFO(call, 0);
	Datum address;

	InitFunctionCallInfoData(*call, NULL, 0, InvalidOid, NULL, NULL);
	address = inet_client_addr(call);
	if (!call->isnull)
		add(who, data, WHO_CLIENT, DatumGetPointer(address), VARSIZE_ANY(DatumGetPointer(address)));
}

/* In the current memory context. */
static KnownWho *
make_known(Bytes subject)
{
	KnownWho *known = palloc0(sizeof(KnownWho));
	Who *who = &known->who;
	StringInfoData data;

	known->context = CurrentMemoryContext;
	known->roles = changes;
	known->application = pstrdup(application());
	known->subject =
		bytes_view(subject.len > 0 ? memcpy(palloc(subject.len), subject.data, subject.len) : NULL,
				   subject.len);
	who->role = GetUserId();
	who->session_role = GetSessionUserId();
	who->identity = IdentityEpoch;
	for (int i = 0; i < WHO_COLUMNS; i++)
		who->offsets[i] = -1;
	initStringInfo(&data);
	add_role(who, &data, WHO_ROLE, who->role);
	add_role(who, &data, WHO_SESSION_ROLE, who->session_role);
	add_text(who, &data, WHO_SUBJECT, Utf8ToServer(subject));
	add_client(who, &data);
	add_text(who, &data, WHO_APPLICATION, bytes_of_string(known->application));
	who->data = data.data;
	who->size = data.len;
	return known;
}

/* ---------------------------------------------------------------- keeping it */

static bool
is_same(const KnownWho *known, Bytes subject)
{
	return known->roles == changes &&
		   WhoHolds(known->who.role, known->who.session_role, known->who.identity) &&
		   known->subject.len == subject.len &&
		   (subject.len == 0 || memcmp(known->subject.data, subject.data, subject.len) == 0) &&
		   strcmp(known->application, application()) == 0;
}

const Who *
WhoNow(void)
{
	/* Asked each time: by it an identity that has expired is found. */
	Bytes subject = IdentitySubject();
	MemoryContext context, outer;
	KnownWho *known;

	if (likely(last != NULL && is_same(last, subject)))
		return &last->who;

	context = AllocSetContextCreate(TopTransactionContext, "tarot_security audit who",
									ALLOCSET_SMALL_SIZES);
	outer = MemoryContextSwitchTo(context);
	known = make_known(subject);
	MemoryContextSwitchTo(outer);

	if (last != NULL)
		MemoryContextDelete(last->context);
	MemoryContextSetParent(context, TopMemoryContext);
	last = known;
	return &known->who;
}

void
WhoInit(void)
{
	CacheRegisterSyscacheCallback(AUTHOID, on_role_change, (Datum) 0);
}
