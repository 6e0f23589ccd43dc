/*
 * reviews.h
 *		Reviews that people hold at set times.
 */
#ifndef TAROT_REVIEWS_REVIEWS_H
#define TAROT_REVIEWS_REVIEWS_H

extern void ReviewsInit(void);

#endif
