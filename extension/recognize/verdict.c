/*
 * verdict.c
 *		Weighs what was counted.
 *
 * Of each kind: how sure its values make us by themselves when they are the
 * usual thing in a column, and how often other numbers or words have its form
 * by chance. The share of values is taken at the lower end of what the size of
 * the sample allows; the name of the column is independent evidence. The
 * numbers were chosen on the labelled columns of test/unit/recognize_corpus_test.c.
 */
#include "recognize/verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "recognize/names.h"

#define TYPE_BIT(type) (1U << (type))
#define TEXT TYPE_BIT(COLUMN_TEXT)
#define NUMBER TYPE_BIT(COLUMN_NUMBER)
#define FRACTION TYPE_BIT(COLUMN_FRACTION)
#define DATE TYPE_BIT(COLUMN_DATE)
#define BYTES TYPE_BIT(COLUMN_BYTES)

typedef struct Weights
{
	float proven; /* how sure, when all values have a right check digit or an unmistakable form */
	float alike;  /* or the form alone */
	float chance; /* the share of look-alikes that have it */
	float enough; /* from what share on a column is of this kind: others are typing errors, or mixed
					 in */
	bool strict;  /* values without its form speak against a name */
	unsigned types;
} Weights;

static const Weights weights[SENSITIVE_KINDS] = {
	[SENSITIVE_EMAIL] = {0.97F, 0, 0, 0.5F, true, TEXT},
	[SENSITIVE_PHONE] = {0.9F, 0.6F, 0.1F, 0.6F, true, TEXT | NUMBER},
	/* one number in ten has Luhn's digit, and one in three of those such a beginning */
	[SENSITIVE_CARD] = {0.97F, 0, 0.12F, 0.5F, true, TEXT | NUMBER},
	[SENSITIVE_BANK_ACCOUNT] = {0.98F, 0, 0.02F, 0.5F, false, TEXT | NUMBER},
	[SENSITIVE_IP] = {0.9F, 0, 0.1F, 0.6F, true, TEXT | TYPE_BIT(COLUMN_NETWORK)},
	[SENSITIVE_DEVICE] = {0.9F, 0.85F, 0.12F, 0.6F, false, TEXT | NUMBER | TYPE_BIT(COLUMN_DEVICE)},
	[SENSITIVE_BIRTH_DATE] = {0, 0.4F, 0.3F, 0.6F, false, TEXT | NUMBER | DATE},
	/* of nine digits, one number in five is right by the rules of one state or another */
	[SENSITIVE_NATIONAL_ID] = {0.9F, 0.7F, 0.25F, 0.6F, false, TEXT | NUMBER},
	/* the lists of names are short, and months and products are among them */
	[SENSITIVE_NAME] = {0, 0.75F, 0.1F, 0.25F, true, TEXT},
	[SENSITIVE_ADDRESS] = {0, 0.75F, 0.05F, 0.5F, false, TEXT},
	[SENSITIVE_LOCATION] = {0, 0.75F, 0, 0.5F, false,
							TEXT | NUMBER | FRACTION | TYPE_BIT(COLUMN_PLACE)},
	[SENSITIVE_TOKEN] = {0.97F, 0, 0, 0.2F, false, TEXT | BYTES},
	[SENSITIVE_PRIVATE_KEY] = {0.99F, 0, 0, 0.2F, false, TEXT | BYTES},
	[SENSITIVE_ACCESS_KEY] = {0.98F, 0, 0, 0.2F, false, TEXT | BYTES},
	[SENSITIVE_PASSWORD_HASH] = {0.98F, 0, 0, 0.2F, false, TEXT | BYTES},
	[SENSITIVE_PASSWORD] = {.types = TEXT | NUMBER | BYTES},
	[SENSITIVE_USER_NAME] = {.types = TEXT},
	[SENSITIVE_GENDER] = {.types = TEXT | NUMBER},
	[SENSITIVE_INCOME] = {.types = TEXT | NUMBER | FRACTION},
	[SENSITIVE_HEALTH] = {.types = TEXT},
	[SENSITIVE_BELIEF] = {.types = TEXT | BYTES},
	[SENSITIVE_POSTAL_CODE] = {.types = TEXT | NUMBER},
};

/* Kinds that are kept together have one class. */
static const KindInfo kinds[SENSITIVE_KINDS] = {
	[SENSITIVE_EMAIL] = {"email", "e-mail addresses", "email", "email"},
	[SENSITIVE_PHONE] = {"phone", "telephone numbers", "phone", "phone"},
	[SENSITIVE_CARD] = {"card", "card numbers", "payment_card", "card"},
	[SENSITIVE_BANK_ACCOUNT] = {"bank_account", "bank accounts", "bank_account", "iban"},
	[SENSITIVE_IP] = {"ip", "IP addresses", "ip_address", "ip"},
	[SENSITIVE_DEVICE] = {"device", "device numbers", "device", "hash"},
	[SENSITIVE_BIRTH_DATE] = {"birth_date", "dates of birth", "birth_date", "year"},
	[SENSITIVE_NATIONAL_ID] = {"national_id", "national identity numbers", "national_id", "redact"},
	[SENSITIVE_NAME] = {"name", "names", "person_name", "name"},
	[SENSITIVE_ADDRESS] = {"address", "postal addresses", "postal_address", "address"},
	[SENSITIVE_LOCATION] = {"location", "places", "location", "round(1)"},
	[SENSITIVE_TOKEN] = {"token", "tokens", "secret", "redact"},
	[SENSITIVE_PRIVATE_KEY] = {"private_key", "private keys", "secret", "redact"},
	[SENSITIVE_ACCESS_KEY] = {"access_key", "access keys", "secret", "redact"},
	[SENSITIVE_PASSWORD_HASH] = {"password_hash", "hashes of passwords", "secret", "redact"},
	[SENSITIVE_FREE_TEXT] = {"free_text", "texts with such in them", "free_text", "redact"},
	[SENSITIVE_PASSWORD] = {"password", "passwords", "secret", "redact"},
	[SENSITIVE_USER_NAME] = {"user_name", "user names", "user_name", "pseudonym"},
	[SENSITIVE_GENDER] = {"gender", "genders", "personal", "redact"},
	[SENSITIVE_INCOME] = {"income", "incomes", "income", "round(10000)"},
	[SENSITIVE_HEALTH] = {"health", "health data", "special_category", "redact"},
	[SENSITIVE_BELIEF] = {"belief", "beliefs or origins", "special_category", "redact"},
	[SENSITIVE_POSTAL_CODE] = {"postal_code", "postal codes", "postal_code", "partial(2,0)"},
};

const KindInfo *
sensitive_kind(SensitiveKind kind)
{
	return &kinds[kind];
}

static void
count_bits(uint32_t counts[SENSITIVE_KINDS], uint32_t bits)
{
	while (bits != 0)
	{
		counts[__builtin_ctz(bits)]++;
		bits &= bits - 1;
	}
}

void
counts_add(ColumnCounts *counts, const Recognition *found)
{
	counts->values++;
	count_bits(counts->proven, found->proven);
	count_bits(counts->alike, found->alike);
	count_bits(counts->possible, found->possible);
	count_bits(counts->within, found->within);
	counts->any_within += found->within != 0;
}

/*
 * The lower end of Wilson's interval (Wilson 1927, with z = 1.28, so that nine
 * samples in ten are above it): of one value alone 0.38, of ten alike 0.86.
 */
static float
lower_share(uint32_t hits, uint32_t values)
{
	const float z2 = 1.28F * 1.28F;
	float n = (float) values;
	float p;

	if (values == 0 || hits == 0)
		return 0;
	p = (float) hits / n;
	return (p + z2 / (2 * n) - sqrtf(z2 * (p * (1 - p) / n + z2 / (4 * n * n)))) / (1 + z2 / n);
}

/* How sure a share of values makes, from 0 to 1. */
static float
sureness(uint32_t hits, uint32_t values, float chance, float enough)
{
	float share = (lower_share(hits, values) - chance) / (1 - chance);

	return share <= 0 ? 0 : share >= enough ? 1 : share / enough;
}

static float
by_values(const ColumnCounts *counts, SensitiveKind kind)
{
	const Weights *weight = &weights[kind];
	float proven = weight->proven *
				   sureness(counts->proven[kind], counts->values, weight->chance, weight->enough);
	float alike = weight->alike *
				  sureness(counts->alike[kind], counts->values, weight->chance, weight->enough);

	return proven > alike ? proven : alike;
}

/* What is left of a name's weight beside values that have not the form. */
#define CONTRADICTED 0.25F
#define VALUES_TO_CONTRADICT 5

static float
by_name(const ColumnCounts *counts, SensitiveKind kind, float hint)
{
	if (weights[kind].strict && counts->values >= VALUES_TO_CONTRADICT &&
		counts->possible[kind] < counts->values / 5)
		return hint * CONTRADICTED;
	return hint;
}

/* Of numbers within text, one in ten is right by chance. */
static bool
cards_stand_out(const ColumnCounts *counts)
{
	return counts->within[SENSITIVE_CARD] * 3 > counts->possible[SENSITIVE_CARD];
}

/* One such text in a sample of a thousand stands for many that were not looked at. */
static float
by_texts(const ColumnCounts *counts, uint32_t *matched)
{
	uint32_t hits = counts->any_within;
	uint32_t secrets = 0;

	if (!cards_stand_out(counts))
		hits -= counts->within[SENSITIVE_CARD] < hits ? counts->within[SENSITIVE_CARD] : hits;
	for (int kind = 0; kind < SENSITIVE_KINDS; kind++)
	{
		if ((SENSITIVE_SECRETS & SENSITIVE_BIT(kind)) != 0)
			secrets += counts->within[kind] + counts->proven[kind];
	}
	/* Values that are nothing else than an address stand among those, too. */
	hits += counts->proven[SENSITIVE_EMAIL] + counts->proven[SENSITIVE_BANK_ACCOUNT];
	*matched = hits > secrets ? hits : secrets;
	if (secrets > 0)
		return 0.9F;
	if (hits == 0)
		return 0;
	return 0.5F + 0.4F * fminf(1.0F, 20 * lower_share(hits, counts->values));
}

Verdict
reach_verdict(const ColumnCounts *counts, ColumnType type, const char *table, const char *column)
{
	Verdict verdict = {.kind = SENSITIVE_NONE};
	float hints[SENSITIVE_KINDS];

	name_hints(table, column, hints);
	for (int i = 0; i < SENSITIVE_KINDS; i++)
	{
		SensitiveKind kind = (SensitiveKind) i;
		float values, name, both;

		if ((weights[kind].types & TYPE_BIT(type)) == 0)
			continue;
		values = by_values(counts, kind);
		name = by_name(counts, kind, hints[kind]);
		both = 1 - (1 - values) * (1 - name);
		if (both > verdict.confidence)
		{
			verdict.kind = kind;
			verdict.confidence = both;
			verdict.by_values = values;
			verdict.by_name = name > 0 && name == hints[kind];
			verdict.matched = counts->proven[kind] > counts->alike[kind] ? counts->proven[kind]
																		 : counts->alike[kind];
		}
	}
	if (type == COLUMN_TEXT && verdict.by_values < 0.5F)
	{
		uint32_t matched;
		float texts = by_texts(counts, &matched);

		if (texts > verdict.confidence)
			verdict = (Verdict){SENSITIVE_FREE_TEXT, texts, texts, false, matched};
	}
	return verdict;
}

/* ------------------------------------------------------------ evidence */

static size_t
add(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static size_t
add(char *out, size_t size, const char *format, ...)
{
	va_list args;
	int more;

	va_start(args, format);
	more = vsnprintf(out + size, EVIDENCE_MAX - size, format, args);
	va_end(args);
	return more > 0 && size + (size_t) more < EVIDENCE_MAX ? size + (size_t) more
														   : strnlen(out, EVIDENCE_MAX - 1);
}

size_t
verdict_evidence(const ColumnCounts *counts, const Verdict *verdict, char out[EVIDENCE_MAX])
{
	size_t size = 0;

	out[0] = '\0';
	if (verdict->kind == SENSITIVE_NONE)
		return 0;
	if (verdict->by_name)
		size = add(out, size, "the name; ");
	if (counts->values == 0)
		return add(out, size, "no values");
	if (verdict->kind != SENSITIVE_FREE_TEXT)
		return add(out, size, "%u of %u values look like %s", verdict->matched, counts->values,
				   kinds[verdict->kind].plural);
	size = add(out, size, "among %u values", counts->values);
	for (int kind = 0; kind < SENSITIVE_KINDS; kind++)
	{
		uint32_t count = counts->within[kind] + counts->proven[kind];

		if (count > 0 && (kind != SENSITIVE_CARD || cards_stand_out(counts)))
			size = add(out, size, ", %s in %u", kinds[kind].plural, count);
	}
	return size;
}
