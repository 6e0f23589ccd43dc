/*
 * survey.c
 *		After a start of the server, and when workers are turned on, each database is looked
 *		at once: what is to be done there at a set time nobody else would wake a worker for.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "events/queue.h"
#include "worker/table.h"

bool
WorkerStartSurvey(void)
{
	BackgroundWorker worker = {.bgw_flags =
								   BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
							   .bgw_start_time = BgWorkerStart_RecoveryFinished,
							   .bgw_restart_time = BGW_NEVER_RESTART};

	strlcpy(worker.bgw_name, "tarot_security survey", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "tarot_security survey", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "tarot_security", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "tarot_worker_survey", BGW_MAXLEN);
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

pg_noreturn extern PGDLLEXPORT void tarot_worker_survey(Datum argument);

void
tarot_worker_survey(Datum argument)
{
	Relation databases;
	TableScanDesc scan;
	HeapTuple tuple;

	(void) argument;
	BackgroundWorkerUnblockSignals();

	/* To no database: the catalogs that all share. */
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	databases = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(databases, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		WorkerEntry *entry;

		if (database->datallowconn && !database->datistemplate &&
			(entry = WorkerEntryOf(database->oid, true)) != NULL)
			pg_atomic_write_u32(&entry->wanted, 1);
	}
	table_endscan(scan);
	table_close(databases, AccessShareLock);
	CommitTransactionCommand();
	QueueWakeListener();
	proc_exit(0);
}
