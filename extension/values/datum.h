/*
 * datum.h
 *		What a masked reader sees of a value of any SQL type.
 *
 * The mask of a class is what the class's encrypted columns show. A value of a
 * type that the mask is not for, and a mask that does not fit the type, its
 * modifier or its domain, are shown as NULL: never as the value, and never with
 * an error that could hold it.
 */
#ifndef TAROT_VALUES_DATUM_H
#define TAROT_VALUES_DATUM_H

/* How values of a type are masked under a class: of one call site, for many values. */
typedef struct MaskedType MaskedType;

/*
 * In the current memory context, and good as long as that is: the class's mask
 * is followed when it changes. An unknown class has the mask NULL.
 */
extern MaskedType *ClassMaskedType(int32 class_id, Oid type, int32 typmod);

/*
 * False for NULL. The mask lies in the current memory context or, where it is
 * the same for all values, in that of `type`: it is not to be freed. Raises
 * where the key of a mask cannot be had, as when the server is locked.
 */
extern bool ClassMaskDatum(MaskedType *type, Datum value, Datum *masked);

#endif
