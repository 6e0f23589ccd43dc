/*
 * hooks.c
 *		Installs all server hooks of the extension, each chained to the one
 *		that was there before.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"

#include "events/event.h"
#include "hooks/analyze.h"
#include "hooks/hooks.h"
#include "hooks/log.h"
#include "hooks/planner.h"
#include "hooks/setting.h"
#include "hooks/statement.h"
#include "identity/selftest.h"
#include "keys/root.h"
#include "worker/worker.h"

static shmem_request_hook_type previous_shmem_request;
static shmem_startup_hook_type previous_shmem_startup;

static void
on_shmem_request(void)
{
	if (previous_shmem_request)
		previous_shmem_request();
	EventsShmemRequest();
	WorkerShmemRequest();
	RootKeyShmemRequest();
}

static void
on_shmem_startup(void)
{
	if (previous_shmem_startup)
		previous_shmem_startup();
	EventsShmemStartup();
	WorkerShmemStartup();
	RootKeyShmemStartup();
	TokenSelfTest();
}

void
HooksInit(void)
{
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = on_shmem_request;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = on_shmem_startup;
	StatementHooksInit();
	AnalyzeHooksInit();
	PlannerHooksInit();
	LogHooksInit();
	SettingHooksInit();
}
