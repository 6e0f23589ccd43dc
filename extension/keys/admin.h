/*
 * admin.h
 *		What other floors add to key administration.
 */
#ifndef TAROT_KEYS_ADMIN_H
#define TAROT_KEYS_ADMIN_H

/*
 * Raises when it knows of a value sealed by this version of a key, and keeps
 * new ones from appearing until the transaction ends.
 */
typedef void (*KeyUseCheck)(uint32 key_id, uint32 version);

extern void KeyRegisterUse(KeyUseCheck check);

#endif
