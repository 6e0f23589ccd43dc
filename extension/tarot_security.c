/*
 * tarot_security.c
 *		Entry point of the library: the magic block, and one <Module>Init() a
 *		module in the order of the floors.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "audit/audit.h"
#include "base/catalog.h"
#include "base/compat.h"
#include "class/access.h"
#include "class/class.h"
#include "class/purpose.h"
#include "class/reveal.h"
#include "client/client.h"
#include "column/column.h"
#include "events/event.h"
#include "gate/gate.h"
#include "gate/search.h"
#include "hooks/hooks.h"
#include "identity/issuer.h"
#include "identity/session.h"
#include "jobs/jobs.h"
#include "keys/provider.h"
#include "keys/ring.h"
#include "keys/subject.h"
#include "label/label.h"
#include "masking/masking.h"
#include "reads/reads.h"
#include "retention/retention.h"
#include "reviews/reviews.h"
#include "seal/seal.h"
#include "statements/kind.h"
#include "trail/trail.h"
#include "worker/worker.h"

TAROT_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	/* Shared memory and hooks can only be had at server start. */
	if (!process_shared_preload_libraries_in_progress)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("tarot_security must be loaded at server start"),
			 errhint("Add tarot_security to shared_preload_libraries and restart the server.")));

	CatalogInit();
	EventsInit();
	WorkerInit();
	ProviderInit();
	KeyRingInit();
	SubjectHashInit();
	SubjectInit();
	IssuerInit();
	IdentityInit();
	AuthenticateInit();
	ClassInit();
	PurposeInit();
	ClassAccessInit();
	RevealInit();
	GateInit();
	SearchInit();
	LabelInit();
	ColumnInit();
	ClientInit();
	MaskingInit();
	TrailInit();
	AuditInit();
	JobsInit();
	ReadsInit();
	RetentionInit();
	ReviewsInit();
	SealInit();
	KindInit();
	HooksInit();

	MarkGUCPrefixReserved("tarot_security");
}
