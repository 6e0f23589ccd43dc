/*
 * planner.h
 *		Hooks around the planner, and the check of what it planned.
 */
#ifndef TAROT_HOOKS_PLANNER_H
#define TAROT_HOOKS_PLANNER_H

extern void PlannerHooksInit(void);

#endif
