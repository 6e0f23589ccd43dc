/*
 * utility.h
 *		Utility statements that read tables without a plan.
 */
#ifndef TAROT_READS_UTILITY_H
#define TAROT_READS_UTILITY_H

#include "nodes/parsenodes.h"

/*
 * What it reads, as notes; and by what name, of its plans, too: the action stays as it is where
 * that is each plan's own.
 */
extern List *ReadUtility(Node *statement, const char **action);

#endif
