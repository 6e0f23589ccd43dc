/*
 * analyze.h
 *		Hooks into the analysis of statements.
 */
#ifndef TAROT_HOOKS_ANALYZE_H
#define TAROT_HOOKS_ANALYZE_H

extern void AnalyzeHooksInit(void);

#endif
