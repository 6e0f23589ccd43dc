/*
 * resource.h
 *		What is granted on single resources.
 */
#ifndef TAROT_PERMISSION_RESOURCE_H
#define TAROT_PERMISSION_RESOURCE_H

#include "permission/permission.h"

/* Whether the subject or one of the roles was granted it on this one. */
extern bool ResourceIsGranted(const Permissions *permissions, text *resource_type,
							  text *resource_id, Bytes permission);

#endif
