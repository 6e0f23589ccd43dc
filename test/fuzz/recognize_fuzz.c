/*
 * recognize_fuzz.c - any bytes as a value, and as the names of a table and a column
 *
 * Input: encoding, a byte; the rest is the value. As a name it ends at the
 * first zero byte, and the table's name begins behind that.
 */
#include <stdlib.h>
#include <string.h>

#include "recognize/names.h"
#include "recognize/recognize.h"
#include "recognize/verdict.h"
#include "fuzz.h"

#define YEAR 2026

static void
require_ordered(const Recognition *found)
{
	require((found->proven & ~found->alike) == 0 && (found->alike & ~found->possible) == 0);
	require((found->possible | found->within) < SENSITIVE_BIT(SENSITIVE_KINDS));
}

static void
fuzz_names(const uint8_t *data, size_t size)
{
	char *names = malloc(size + 2);
	float hints[SENSITIVE_KINDS];

	require(names != NULL);
	memcpy(names, data, size);
	names[size] = names[size + 1] = '\0';
	name_hints(names + strlen(names) + 1, names, hints);
	for (int kind = 0; kind < SENSITIVE_KINDS; kind++)
		require(hints[kind] >= 0 && hints[kind] < 0.96F);
	free(names);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ColumnCounts counts = {0};
	Recognition found;
	Verdict verdict;
	char evidence[EVIDENCE_MAX];

	if (size == 0)
		return 0;
	recognize(bytes_view(data + 1, size - 1), data[0] % 2 == 0, YEAR, &found);
	require_ordered(&found);
	counts_add(&counts, &found);
	recognize_binary(bytes_view(data + 1, size - 1), YEAR, &found);
	require_ordered(&found);
	counts_add(&counts, &found);
	verdict = reach_verdict(&counts, COLUMN_TEXT, NULL, "note");
	require(verdict.confidence >= 0 && verdict.confidence <= 1);
	require(verdict_evidence(&counts, &verdict, evidence) == strlen(evidence));
	fuzz_names(data + 1, size - 1);
	return 0;
}
