/*
 * reviews.c
 *		Reviews that people hold at set times: a kind of job, which tells when one is due.
 *		All of it is in reviews.sql.
 */
#include "postgres.h"

#include "jobs/jobs.h"
#include "reviews/reviews.h"

static const JobKind review = {"review", "plan_review", "finish_review"};

void
ReviewsInit(void)
{
	JobRegisterKind(&review);
}
