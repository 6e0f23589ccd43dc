/*
 * verdict.h
 *		What a column is, by what was counted among its values, and its name.
 */
#ifndef TAROT_RECOGNIZE_VERDICT_H
#define TAROT_RECOGNIZE_VERDICT_H

#include "recognize/recognize.h"

/* What the values of a column are, as far as it says which kinds they can be of. */
typedef enum ColumnType
{
	COLUMN_TEXT,
	COLUMN_NUMBER,   /* whole numbers, and numeric */
	COLUMN_FRACTION, /* of floating point */
	COLUMN_DATE,
	COLUMN_NETWORK, /* inet */
	COLUMN_DEVICE,  /* macaddr */
	COLUMN_PLACE,   /* point */
	COLUMN_BYTES,
	COLUMN_OTHER, /* no kind at all: boolean, uuid, ... */
} ColumnType;

typedef struct ColumnCounts
{
	uint32_t values; /* that were looked at: neither NULL nor empty */
	uint32_t proven[SENSITIVE_KINDS];
	uint32_t alike[SENSITIVE_KINDS];
	uint32_t possible[SENSITIVE_KINDS];
	uint32_t within[SENSITIVE_KINDS];
	uint32_t any_within; /* values with any kind in them */
} ColumnCounts;

typedef struct Verdict
{
	SensitiveKind kind; /* SENSITIVE_NONE: nothing to say */
	float confidence;   /* from 0 to 1 */
	float by_values;    /* what it would be without the name */
	bool by_name;
	uint32_t matched; /* of counts->values */
} Verdict;

/* What is proposed for a kind. */
typedef struct KindInfo
{
	const char *name;
	const char *plural; /* "e-mail addresses" */
	const char *class_name;
	const char *mask;
} KindInfo;

extern const KindInfo *sensitive_kind(SensitiveKind kind);

extern void counts_add(ColumnCounts *counts, const Recognition *found);

extern Verdict
reach_verdict(const ColumnCounts *counts, ColumnType type, const char *table, const char *column);

/*
 * In words, without any value: "name; 980 of 1000 values are e-mail addresses".
 * Returns its size without the zero byte at its end, which is always there.
 */
#define EVIDENCE_MAX 512
extern size_t
verdict_evidence(const ColumnCounts *counts, const Verdict *verdict, char out[EVIDENCE_MAX]);

#endif
