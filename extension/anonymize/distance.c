/*
 * distance.c
 *		The earth mover's distance of a group from all rows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"

/* What all rows are: of each rank, counted from 1, the share of rows up to it, and the sum of
 * these. */
typedef struct Curve
{
	const float8 *cumulative;
	const float8 *sums;
	int size;
} Curve;

static const void *
array_data(ArrayType *array, Oid type, int *size)
{
	if (ARR_NDIM(array) != 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != type)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("arrays of a distribution must have one dimension and no nulls")));
	*size = ARR_DIMS(array)[0];
	return ARR_DATA_PTR(array);
}

static float8
sum_to(const Curve *curve, int rank)
{
	return rank > 0 ? curve->sums[rank - 1] : 0;
}

/*
 * The sum of |share - cumulative| over ranks from one to before another. What
 * is cumulative only grows, so that one place parts where it is less.
 */
static float8
area(const Curve *curve, float8 share, int from, int to)
{
	int low = from;
	int high = to;

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (curve->cumulative[middle - 1] < share)
			low = middle + 1;
		else
			high = middle;
	}
	return share * (low - from) - (sum_to(curve, low - 1) - sum_to(curve, from - 1)) +
		   (sum_to(curve, to - 1) - sum_to(curve, low - 1)) - share * (to - low);
}

/*
 * tarot.ordered_distance(ranks integer[], counts bigint[], cumulative double precision[],
 *     sums double precision[]) RETURNS double precision
 *
 * Li, Li and Venkatasubramanian 2007, 4.1: of m ranks, the sum of what would
 * have to be moved across each, over m - 1. In time that grows with the group's
 * own values and not with all.
 */
PG_FUNCTION_INFO_V1(tarot_anonymize_ordered_distance);
Datum
tarot_anonymize_ordered_distance(PG_FUNCTION_ARGS)
{
	Curve curve;
	int nranks, ncounts, nsums;
	const int32 *ranks = array_data(PG_GETARG_ARRAYTYPE_P(0), INT4OID, &nranks);
	const int64 *counts = array_data(PG_GETARG_ARRAYTYPE_P(1), INT8OID, &ncounts);
	float8 total = 0;
	float8 up_to = 0;
	float8 distance = 0;
	int rank = 1;

	curve.cumulative = array_data(PG_GETARG_ARRAYTYPE_P(2), FLOAT8OID, &curve.size);
	curve.sums = array_data(PG_GETARG_ARRAYTYPE_P(3), FLOAT8OID, &nsums);
	if (nranks != ncounts || curve.size != nsums)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("arrays of a distribution must have the same length")));
	for (int i = 0; i < nranks; i++)
	{
		if (ranks[i] < rank || ranks[i] > curve.size || counts[i] <= 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("ranks must grow, and counts be positive")));
		rank = ranks[i] + 1;
		total += (float8) counts[i];
	}
	rank = 1;
	for (int i = 0; i < nranks; i++)
	{
		distance += area(&curve, up_to / total, rank, ranks[i]);
		up_to += (float8) counts[i];
		rank = ranks[i];
	}
	distance += area(&curve, 1, rank, curve.size + 1);
	PG_RETURN_FLOAT8(curve.size > 1 ? Max(distance / (curve.size - 1), 0) : 0);
}
