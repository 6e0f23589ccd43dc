/*
 * pseudonym.c - texts, UUIDs and card numbers of the same form, by FF1
 */
#include "base/secret.h"
#include "mask/keys.h"
#include "mask/permute.h"

/* ------------------------------------------------------------ pseudonyms of text */

static CryptoStatus
hashed(const MaskInput *in, MaskKeys *keys, uint8_t *out, size_t *size)
{
	static const char hex[] = "0123456789abcdef";
	Bytes value = bytes_view(in->start, (size_t) (in->end - in->start));
	uint8_t digest[HASH_SIZE];

	if (hmac_compute(keys->hmac, &value, 1, digest) != CRYPTO_OK)
		return CRYPTO_FAILED;
	for (size_t i = 0; i < MASK_HASHED_SIZE / 2; i++)
	{
		*out++ = (uint8_t) hex[digest[i] >> 4];
		*out++ = (uint8_t) hex[digest[i] & 15];
	}
	*size = MASK_HASHED_SIZE;
	return CRYPTO_OK;
}

/* 8-4-4-4-12 small hexadecimal digits (RFC 4122, 3), as the server prints uuid. */
static bool
is_uuid(const uint8_t *start, const uint8_t *end)
{
	if (end - start != 36)
		return false;
	for (int i = 0; i < 36; i++)
	{
		uint8_t byte = start[i];

		if (i == 8 || i == 13 || i == 18 || i == 23 ? byte != '-'
													: !is_digit(byte) && (byte < 'a' || byte > 'f'))
			return false;
	}
	return true;
}

static CryptoStatus
pseudonym_uuid(const MaskInput *in, MaskKeys *keys, uint8_t *out, size_t *size)
{
	uint16_t digits[32];
	size_t count = 0;
	CryptoStatus status;

	for (const uint8_t *at = in->start; at < in->end; at++)
	{
		if (*at != '-')
			digits[count++] = is_digit(*at) ? *at - '0' : *at - 'a' + 10;
	}
	status = ff1_encrypt(keys->ff1, 16, bytes_of_string("uuid"), digits, count, digits);
	if (status != CRYPTO_OK)
		return status;
	count = 0;
	for (const uint8_t *at = in->start; at < in->end; at++)
		*out++ = *at == '-' ? '-' : (uint8_t) "0123456789abcdef"[digits[count++]];
	*size = 36;
	return CRYPTO_OK;
}

CryptoStatus
mask_pseudonym(const MaskInput *in, MaskKeys *keys, uint8_t *out, size_t *size)
{
	Form form;
	CryptoStatus status;
	bool fits;

	if (is_uuid(in->start, in->end))
		return pseudonym_uuid(in, keys, out, size);
	if (!form_read(in, &form))
		return hashed(in, keys, out, size);

	/* Again where it is a UUID now: these are among themselves (cycle walking, as in permute.c). */
	do
	{
		status = permute_form(keys, &form, &fits);
		if (status != CRYPTO_OK)
			return status;
		if (!fits)
			return hashed(in, keys, out, size);
		form_write(in, &form, out);
		*size = (size_t) (in->end - in->start);
	} while (is_uuid(out, out + *size));
	secret_wipe(form.digits, form.count * sizeof(form.digits[0]));
	return CRYPTO_OK;
}

/* -------------------------------------------------------------- card numbers */

/* ISO/IEC 7812-1, annex B: what the check digit after these digits is. */
static unsigned
luhn(const uint16_t *digits, size_t count)
{
	unsigned sum = 0;

	for (size_t i = 0; i < count; i++)
	{
		unsigned digit = digits[count - 1 - i];

		if (i % 2 == 0)
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return (10 - sum % 10) % 10;
}

/* 12 to 19 digits, with spaces and hyphens among them, as "card" wants them. */
CryptoStatus
mask_pseudonym_card(const MaskInput *in, MaskKeys *keys, uint8_t *out, size_t *size)
{
	uint16_t digits[19];
	uint8_t tweak[5] = {'c', 'a', 'r', 'd'};
	size_t count = 0, body;
	uint8_t off;
	CryptoStatus status;

	for (const uint8_t *at = in->start; at < in->end; at++)
	{
		if (*at == ' ' || *at == '-')
			continue;
		if (!is_digit(*at) || count == 19)
			return hashed(in, keys, out, size);
		digits[count++] = *at - '0';
	}
	if (count < 12 || in->end - in->start > MASK_PSEUDONYM_MAX)
		return hashed(in, keys, out, size);

	/*
	 * How far the check digit is off, 0 for a valid number, stays: so it is a
	 * permutation. It is the tweak, too, or numbers that differ in the check digit
	 * alone would have pseudonyms that do.
	 */
	body = count - 1;
	off = (uint8_t) ((digits[body] + 10 - luhn(digits, body)) % 10);
	tweak[4] = off;
	status = ff1_encrypt(keys->ff1, 10, bytes_view(tweak, sizeof(tweak)), digits, body, digits);
	if (status != CRYPTO_OK)
		return status;
	digits[body] = (uint16_t) ((luhn(digits, body) + off) % 10);
	count = 0;
	for (const uint8_t *at = in->start; at < in->end; at++)
		*out++ = is_digit(*at) ? (uint8_t) ('0' + digits[count++]) : *at;
	*size = (size_t) (in->end - in->start);
	return CRYPTO_OK;
}
