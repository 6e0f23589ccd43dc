/*
 * site.h
 *		One place in a query that reads a labelled column, as it stands in the
 *		query: the second argument of tarot.masked() and tarot.masked_row().
 */
#ifndef TAROT_MASKING_SITE_H
#define TAROT_MASKING_SITE_H

#include "nodes/primnodes.h"

/* What becomes of the values, which decides what is done where there would be a mask. */
typedef enum SiteUse
{
	SITE_SHOWS,  /* the mask is shown */
	SITE_STORES, /* into a column without a class: the mask, also for who may see the value later */
	SITE_WRITES, /* into a column of the class: refused, or the mask would be the data */
	SITE_DUMPS,  /* COPY TO: refused, or the mask would be taken for the data */
} SiteUse;

/* The value of type tarot.mask_site: nobody but the planner hook makes one. */
typedef struct MaskSite
{
	Oid relation;
	int32 class_id; /* CLASS_NONE: a whole row */
	Oid type;
	int32 typmod;
	int16 column;
	int16 use;
} MaskSite;

/* The call that takes the place of a column, or of a whole row. */
extern Expr *MaskSiteCall(const MaskSite *site, Var *var);

/* Looks up our functions and the type, which other plans are marked by, too. */
extern void MaskSiteLookUp(void);
extern uint32 MaskSiteHash(void);

extern void MaskSiteInit(void);

#endif
