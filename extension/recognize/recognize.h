/*
 * recognize.h
 *		Which kinds of sensitive values a text could be, by its form and its
 *		check digits.
 *
 * Pure functions over bytes that may be hostile: no server, no allocation, no
 * failure, and nothing that is kept. A single value proves little, for one in
 * ten numbers has a right check digit: verdict.h weighs those of a column.
 */
#ifndef TAROT_RECOGNIZE_RECOGNIZE_H
#define TAROT_RECOGNIZE_RECOGNIZE_H

#include "base/bytes.h"

typedef enum SensitiveKind
{
	SENSITIVE_EMAIL,
	SENSITIVE_PHONE,
	SENSITIVE_CARD,
	SENSITIVE_BANK_ACCOUNT,
	SENSITIVE_IP,
	SENSITIVE_DEVICE, /* MAC addresses, IMEI */
	SENSITIVE_BIRTH_DATE,
	SENSITIVE_NATIONAL_ID,
	SENSITIVE_NAME,
	SENSITIVE_ADDRESS,
	SENSITIVE_LOCATION,
	SENSITIVE_TOKEN, /* JWT */
	SENSITIVE_PRIVATE_KEY,
	SENSITIVE_ACCESS_KEY,
	SENSITIVE_PASSWORD_HASH,
	SENSITIVE_FREE_TEXT, /* with any of these in it */
	/* Only the name of a column tells of those: */
	SENSITIVE_PASSWORD,
	SENSITIVE_USER_NAME,
	SENSITIVE_GENDER,
	SENSITIVE_INCOME,
	SENSITIVE_HEALTH,
	SENSITIVE_BELIEF, /* and origin, and what else GDPR, article 9, has besides health */
	SENSITIVE_POSTAL_CODE,
	SENSITIVE_KINDS,
	SENSITIVE_NONE = SENSITIVE_KINDS
} SensitiveKind;

#define SENSITIVE_BIT(kind) (UINT32_C(1) << (kind))

/* Secrets: one of them in a column is reason enough. */
#define SENSITIVE_SECRETS                                                    \
	(SENSITIVE_BIT(SENSITIVE_TOKEN) | SENSITIVE_BIT(SENSITIVE_PRIVATE_KEY) | \
	 SENSITIVE_BIT(SENSITIVE_ACCESS_KEY) | SENSITIVE_BIT(SENSITIVE_PASSWORD_HASH))

/* Sets of kinds, a bit each. */
typedef struct Recognition
{
	uint32_t proven;   /* a right check digit, or a form that hardly anything else has */
	uint32_t alike;    /* the form alone */
	uint32_t possible; /* nothing speaks against it: only for a column that is named so */
	uint32_t within;   /* stands somewhere in the text */
} Recognition;

/* No more of a text is looked at. */
#define RECOGNIZE_BYTES_MAX 4096

/*
 * `year` is the current one, for the age of who was born on a date; utf8 is
 * that of masks: false for an encoding of one byte a character.
 */
extern void recognize(Bytes text, bool utf8, int year, Recognition *found);

/* A value of type date, or of a timestamp. */
extern void recognize_date(int born, int year, Recognition *found);

/* A key in DER (RFC 5958, 8017, 5915), or text in any of the forms above. */
extern void recognize_binary(Bytes bytes, int year, Recognition *found);

/* ------------------------------------------------------------ parts: one function a family */

typedef enum Likeness
{
	LIKE_NOTHING,
	LIKE_POSSIBLE,
	LIKE_FORM,
	LIKE_PROVEN
} Likeness;

/* number.c: with the spaces and hyphens that people write */
extern Likeness like_card(Bytes text);
extern Likeness like_iban(Bytes text);
extern Likeness like_phone(Bytes text);
extern Likeness like_imei(Bytes text);

/* national.c */
extern Likeness like_national_id(Bytes text);

/* secret.c; the first two also where more text follows */
extern bool like_private_key(Bytes text);
extern bool like_access_key(Bytes text);
extern bool like_token(Bytes text);
extern bool like_password_hash(Bytes text);
extern bool like_private_key_der(Bytes bytes);

/* person.c */
extern Likeness like_name(Bytes text);
extern Likeness like_address(Bytes text);

#endif
