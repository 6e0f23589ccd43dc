/*
 * json.h - masks within a JSON document
 *
 * From text to text, in one pass: what is no key of an object is masked, and the
 * key is looked at only to tell by which mask. Any bytes can be given; of what is
 * no JSON, punctuation and what stands before a colon may be all that is left.
 */
#ifndef MASK_JSON_H
#define MASK_JSON_H

#include "base/bytes.h"
#include "mask/mask.h"

/* What json, json_hide and json_show of a MaskSpec say, made ready once. */
typedef struct MaskRules MaskRules;

/* NULL for another mask, or without memory. */
MaskRules *mask_rules_create(const MaskSpec *spec);
void mask_rules_free(MaskRules *rules);

/* Who asks for masks does those of single values, which may need keys, and takes what is written.
 */
typedef struct MaskJsonCaller
{
	void *context;
	/* As mask_text. */
	size_t (*mask_text)(void *context, const MaskSpec *spec, Bytes text, char out[MASK_BOUND_MAX]);
	/* A number as JSON writes it, to one; 0 where there is no mask for it. */
	size_t (*mask_number)(void *context, const MaskSpec *spec, Bytes number,
						  char out[MASK_BOUND_MAX]);
	void (*write)(void *context, const void *data, size_t size);
} MaskJsonCaller;

/* The document is in UTF-8; `room` has as many bytes as it. */
void mask_json(const MaskRules *rules, const MaskJsonCaller *caller, Bytes document, uint8_t *room);

#endif
