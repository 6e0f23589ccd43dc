/*
 * recognize_corpus_test.c - labelled columns, and how many are told right
 *
 * Each is made of 200 values by rules with random parts: sensitive ones under
 * names that say nothing ("c1"), look-alikes that fail a checksum or are of
 * another kind, and names without values. Asserted is how many of the sensitive
 * are found (recall), how many of the found are sensitive (precision), and the
 * kind of each that is found.
 */
#include "recognize/digits.h"
#include "recognize/recognize.h"
#include "recognize/verdict.h"
#include "unit.h"

#define YEAR 2026
#define VALUES 200
#define VALUE_MAX 512

typedef void (*MakeValue)(char *out, unsigned number);

/* ---------------------------------------------------------------- parts */

static const char *const first[] = {"Anna",     "Bruno",  "Clara",   "Diego",   "Emma",    "Felix",
									"Greta",    "Hugo",   "Ines",    "Jonas",   "Katja",   "Luis",
									"Marta",    "Nina",   "Omar",    "Paul",    "Yannick", "Zuzana",
									"Thibault", "Gudrun", "Xochitl", "Wolfgang"};
static const char *const last[] = {"Meyer",  "Rossi", "Dupont", "Garcia", "Silva",     "Novak",
								   "Jansen", "Smith", "Okafor", "Tanaka", "Lindqvist", "O'Neil"};
static const char *const words[] = {"blue", "order", "ready", "large", "table",  "north",
									"late", "draft", "paper", "seven", "window", "minor"};

#define ANY_OF(list) list[any(LENGTH(list))]

static void
put_digits(char *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[i] = (char) ('0' + any(10));
	out[count] = '\0';
}

/* Replaces the last digit by Luhn's. */
static void
make_luhn(char *digits)
{
	size_t size = strlen(digits);
	Digits read;

	for (char last_digit = '0'; last_digit <= '9'; last_digit++)
	{
		digits[size - 1] = last_digit;
		if (digits_read(bytes_of_string(digits), "", &read) && digits_luhn(&read))
			return;
	}
}

/* ---------------------------------------------------------------- sensitive */

static void
email(char *out, unsigned number)
{
	sprintf(out, "%s.%u@example.%s", ANY_OF(last), number, any(2) ? "org" : "com");
}

static void
mostly_email(char *out, unsigned number)
{
	if (any(3) == 0)
		strcpy(out, "unknown");
	else
		email(out, number);
}

static void
phone_e164(char *out, unsigned number)
{
	(void) number;
	strcpy(out, any(2) ? "+49170" : "+44207");
	put_digits(out + 6, 7);
}

static void
phone_us(char *out, unsigned number)
{
	sprintf(out, "(%u) %u-%04u", 201 + (unsigned) any(700), 200 + (unsigned) any(700), number);
}

static void
phone_de(char *out, unsigned number)
{
	sprintf(out, "0%u %u%03u", 30 + (unsigned) any(50), 9 + (unsigned) any(9000), number);
	strcat(out, "11");
}

static void
card(char *out, unsigned number)
{
	(void) number;
	strcpy(out, any(2) ? "4539" : "5412");
	put_digits(out + 4, 12);
	make_luhn(out);
}

static void
card_spaced(char *out, unsigned number)
{
	char digits[20];

	card(digits, number);
	sprintf(out, "%.4s %.4s %.4s %.4s", digits, digits + 4, digits + 8, digits + 12);
}

static void
iban_from(char *out, char *account)
{
	unsigned rest = 0;
	char text[40];

	sprintf(text, "%s131400", account); /* DE00 */
	for (const char *at = text; *at != '\0'; at++)
		rest = (rest * 10 + (unsigned) (*at - '0')) % 97;
	sprintf(out, "DE%02u%s", 98 - rest, account);
}

static void
iban(char *out, unsigned number)
{
	char account[20];

	(void) number;
	put_digits(account, 18);
	iban_from(out, account);
}

static void
ip(char *out, unsigned number)
{
	sprintf(out, "%u.%u.%u.%u", 1 + (unsigned) any(223), (unsigned) any(256), (unsigned) any(256),
			number % 256);
}

static void
ip_private(char *out, unsigned number)
{
	sprintf(out, "192.168.0.%u", number);
}

static void
ipv6(char *out, unsigned number)
{
	sprintf(out, "2001:db8:%x::%x", (unsigned) any(65536), number + 1);
}

static void
mac(char *out, unsigned number)
{
	sprintf(out, "00:1a:%02x:%02x:%02x:%02x", (unsigned) any(256), (unsigned) any(256),
			(unsigned) any(256), number % 256);
}

static void
imei(char *out, unsigned number)
{
	(void) number;
	strcpy(out, "35");
	put_digits(out + 2, 13);
	make_luhn(out);
}

static void
ssn(char *out, unsigned number)
{
	sprintf(out, "%03u-%02u-%04u", 1 + (unsigned) any(600), 1 + (unsigned) any(98), 1000 + number);
}

static void
dni(char *out, unsigned number)
{
	unsigned value = 10000000 + (unsigned) any(80000000);

	(void) number;
	sprintf(out, "%08u%c", value, "TRWAGMYFPDXBNJZSQVHLCKE"[value % 23]);
}

static void
cpf(char *out, unsigned number)
{
	(void) number;
	put_digits(out, 11);
	for (size_t length = 9; length <= 10; length++)
	{
		unsigned sum = 0;

		for (size_t i = 0; i < length; i++)
			sum += (unsigned) (length + 1 - i) * (unsigned) (out[i] - '0');
		out[length] = (char) ('0' + sum * 10 % 11 % 10);
	}
}

static void
sin_canada(char *out, unsigned number)
{
	(void) number;
	put_digits(out, 9);
	out[0] = '4';
	make_luhn(out);
}

static void
full_name(char *out, unsigned number)
{
	(void) number;
	sprintf(out, "%s %s", ANY_OF(first), ANY_OF(last));
}

static void
street(char *out, unsigned number)
{
	switch (any(3))
	{
		case 0:
			sprintf(out, "%u %s Street", 1 + number, ANY_OF(last));
			break;
		case 1:
			sprintf(out, "%sstraße %u, 10115 Berlin", ANY_OF(last), 1 + number);
			break;
		default:
			sprintf(out, "%u rue de %s", 1 + number, ANY_OF(last));
			break;
	}
}

static void
place(char *out, unsigned number)
{
	sprintf(out, "%u.%04u, -%u.%04u", (unsigned) any(90), number, (unsigned) any(180), number);
}

static void
jwt(char *out, unsigned number)
{
	sprintf(out, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.%010uabcdefghij", number);
}

static void
private_key(char *out, unsigned number)
{
	sprintf(out, "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRS%u\n-----END",
			number);
}

static void
access_key(char *out, unsigned number)
{
	sprintf(out, "ghp_%036u", number);
}

static void
bcrypt(char *out, unsigned number)
{
	sprintf(out, "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t%05u", number % 100000);
	strcat(out, "x");
	out[60] = '\0';
}

static void
note_with_emails(char *out, unsigned number)
{
	if (number % 20 == 0)
		sprintf(out, "Called back, %s said to write to %s%u@example.org instead.", ANY_OF(first),
				ANY_OF(words), number);
	else
		sprintf(out, "The %s %s is %s, see the %s one.", ANY_OF(words), ANY_OF(words),
				ANY_OF(words), ANY_OF(words));
}

static void
log_with_one_secret(char *out, unsigned number)
{
	if (number == 77)
		strcpy(out, "retry with AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE in the environment");
	else
		sprintf(out, "request %u took %u ms", number, (unsigned) any(1000));
}

static void
note_with_iban(char *out, unsigned number)
{
	char account[40];

	iban(account, number);
	sprintf(out, "Refund to %.4s %.4s %.4s %.4s %.4s %.2s, thanks", account, account + 4,
			account + 8, account + 12, account + 16, account + 20);
}

/* ---------------------------------------------------------------- look-alikes */

static void
order_number(char *out, unsigned number)
{
	(void) number;
	strcpy(out, "4");
	put_digits(out + 1, 15);
}

static void
order_number_without_luhn(char *out, unsigned number)
{
	card(out, number);
	out[15] = (char) ('0' + (out[15] - '0' + 1 + (int) any(9)) % 10);
}

static void
wrong_iban(char *out, unsigned number)
{
	iban(out, number);
	out[21] = (char) ('0' + (out[21] - '0' + 1 + (int) any(9)) % 10);
}

static void
version(char *out, unsigned number)
{
	sprintf(out, "%u.%u.%u.%u", (unsigned) any(5), (unsigned) any(20), (unsigned) any(30),
			number % 12);
}

static void
version_with_builds(char *out, unsigned number)
{
	sprintf(out, "2.14.%u.1", number);
}

static void
ip_of_cloud(char *out, unsigned number)
{
	sprintf(out, "3.%u.%u.%u", 64 + (unsigned) any(192), 40 + (unsigned) any(200), number % 256);
}

static void
long_version(char *out, unsigned number)
{
	sprintf(out, "10.0.%u.%u", 10000 + (unsigned) any(9000), number);
}

static void
uuid(char *out, unsigned number)
{
	sprintf(out, "%08x-%04x-4%03x-a%03x-%012x", (unsigned) any(UINT32_MAX), (unsigned) any(65536),
			(unsigned) any(4096), (unsigned) any(4096), number);
}

static void
isbn10(char *out, unsigned number)
{
	unsigned sum = 0;
	char digits[11];

	(void) number;
	do
	{
		put_digits(digits, 9);
		digits[0] = '0';
		sum = 0;
		for (unsigned i = 0; i < 9; i++)
			sum += (10 - i) * (unsigned) (digits[i] - '0');
	} while (sum % 11 == 1);
	sprintf(out, "%.1s-%.3s-%.5s-%u", digits, digits + 1, digits + 4, (11 - sum % 11) % 11);
}

static void
isbn13(char *out, unsigned number)
{
	unsigned sum = 0;

	(void) number;
	strcpy(out, "978");
	put_digits(out + 3, 10);
	for (unsigned i = 0; i < 12; i++)
		sum += (i % 2 == 0 ? 1 : 3) * (unsigned) (out[i] - '0');
	out[12] = (char) ('0' + (10 - sum % 10) % 10);
}

static void
ean13(char *out, unsigned number)
{
	isbn13(out, number);
	out[0] = '4';
	out[1] = '0';
}

static void
sha256(char *out, unsigned number)
{
	(void) number;
	for (int i = 0; i < 64; i++)
		out[i] = "0123456789abcdef"[any(16)];
	out[64] = '\0';
}

static void
epoch_seconds(char *out, unsigned number)
{
	sprintf(out, "%u", 1690000000 + (unsigned) any(70000000) + number);
}

static void
epoch_millis(char *out, unsigned number)
{
	sprintf(out, "%u%03u", 1690000000 + (unsigned) any(70000000), number);
}

static void
timestamp(char *out, unsigned number)
{
	sprintf(out, "20%02u-%02u-%02u %02u:%02u:%02u", 20 + (unsigned) any(6), 1 + (unsigned) any(12),
			1 + (unsigned) any(28), (unsigned) any(24), (unsigned) any(60), number % 60);
}

static void
recent_date(char *out, unsigned number)
{
	sprintf(out, "20%02u-%02u-%02u", 18 + (unsigned) any(9), 1 + (unsigned) any(12),
			1 + number % 28);
}

static void
sku(char *out, unsigned number)
{
	sprintf(out, "AB-%04u-%c%c", (unsigned) any(10000), 'A' + (char) any(26),
			'A' + (char) (number % 26));
}

static void
padded_number(char *out, unsigned number)
{
	sprintf(out, "%010u", number * 17);
}

static void
nine_digits(char *out, unsigned number)
{
	(void) number;
	put_digits(out, 9);
	out[0] = '3';
}

static void
eleven_digits(char *out, unsigned number)
{
	(void) number;
	put_digits(out, 11);
}

static void
twelve_digits(char *out, unsigned number)
{
	(void) number;
	put_digits(out, 12);
	out[0] = '7';
}

static void
snowflake(char *out, unsigned number)
{
	sprintf(out, "1%017u%u", (unsigned) any(UINT32_MAX), number % 10);
}

static void
url(char *out, unsigned number)
{
	sprintf(out, "https://example.org:8443/%s/%u?page=%s", ANY_OF(words), number, ANY_OF(words));
}

static void
handle(char *out, unsigned number)
{
	sprintf(out, "@%s%u", ANY_OF(words), number);
}

static void
git_remote(char *out, unsigned number)
{
	sprintf(out, "git@example.org:%s/%s%u.git", ANY_OF(words), ANY_OF(words), number);
}

static void
package(char *out, unsigned number)
{
	sprintf(out, "%s@%u.%u.0", ANY_OF(words), (unsigned) any(20), number);
}

static void
price(char *out, unsigned number)
{
	sprintf(out, "%u.%02u", (unsigned) any(100000), number % 100);
}

static void
status(char *out, unsigned number)
{
	static const char *const all[] = {"New", "Paid", "Sent", "Returned"};

	strcpy(out, all[number % 4]);
}

static void
product(char *out, unsigned number)
{
	static const char *const all[] = {"Garden Chair", "Desk Lamp", "Oak Table", "Wool Rug",
									  "Wall Clock"};

	strcpy(out, all[number % 5]);
}

static void
month(char *out, unsigned number)
{
	static const char *const all[] = {"January",   "February", "March",    "April",
									  "May",       "June",     "July",     "August",
									  "September", "October",  "November", "December"};

	strcpy(out, all[number % 12]);
}

static void
prose(char *out, unsigned number)
{
	sprintf(out, "The %s of order %u is %s; %u %s of 12 were %s.", ANY_OF(words), 100000 + number,
			ANY_OF(words), number, ANY_OF(words), ANY_OF(words));
}

static void
prose_with_order_numbers(char *out, unsigned number)
{
	char digits[20];

	order_number(digits, number);
	sprintf(out, "Order %s was %s", digits, ANY_OF(words));
}

static void
public_key(char *out, unsigned number)
{
	sprintf(out, "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7l%u\n-----END",
			number);
}

static void
time_of_day(char *out, unsigned number)
{
	sprintf(out, "%02u:%02u:%02u", (unsigned) any(24), (unsigned) any(60), number % 60);
}

static void
dimensions(char *out, unsigned number)
{
	sprintf(out, "%u x %u x %u", 10 + number, (unsigned) any(100), (unsigned) any(100));
}

/* ---------------------------------------------------------------- the corpus */

/* values, a name, SENSITIVE_NONE or the kind */
static const struct
{
	const char *label;
	MakeValue make; /* NULL: an empty table */
	ColumnType type;
	const char *name;
	SensitiveKind kind;
} corpus[] = {
	{"e-mail", email, COLUMN_TEXT, "c1", SENSITIVE_EMAIL},
	{"e-mail, a third of it missing", mostly_email, COLUMN_TEXT, "c1", SENSITIVE_EMAIL},
	{"phone, E.164", phone_e164, COLUMN_TEXT, "c1", SENSITIVE_PHONE},
	{"phone, North America", phone_us, COLUMN_TEXT, "c1", SENSITIVE_PHONE},
	{"phone, Germany", phone_de, COLUMN_TEXT, "c1", SENSITIVE_PHONE},
	{"card", card, COLUMN_TEXT, "c1", SENSITIVE_CARD},
	{"card, as a number", card, COLUMN_NUMBER, "c1", SENSITIVE_CARD},
	{"card, with spaces", card_spaced, COLUMN_TEXT, "c1", SENSITIVE_CARD},
	{"IBAN", iban, COLUMN_TEXT, "c1", SENSITIVE_BANK_ACCOUNT},
	{"IPv4", ip, COLUMN_TEXT, "c1", SENSITIVE_IP},
	{"IPv4, private", ip_private, COLUMN_TEXT, "c1", SENSITIVE_IP},
	{"IPv4 of 3.0.0.0/8", ip_of_cloud, COLUMN_TEXT, "c1", SENSITIVE_IP},
	{"IPv6", ipv6, COLUMN_TEXT, "c1", SENSITIVE_IP},
	{"MAC", mac, COLUMN_TEXT, "c1", SENSITIVE_DEVICE},
	{"IMEI", imei, COLUMN_TEXT, "c1", SENSITIVE_DEVICE},
	{"SSN", ssn, COLUMN_TEXT, "c1", SENSITIVE_NATIONAL_ID},
	{"DNI", dni, COLUMN_TEXT, "c1", SENSITIVE_NATIONAL_ID},
	{"CPF", cpf, COLUMN_TEXT, "c1", SENSITIVE_NATIONAL_ID},
	{"SIN, as a number", sin_canada, COLUMN_NUMBER, "c1", SENSITIVE_NATIONAL_ID},
	{"names", full_name, COLUMN_TEXT, "c1", SENSITIVE_NAME},
	{"names, said so", full_name, COLUMN_TEXT, "customer_name", SENSITIVE_NAME},
	{"addresses", street, COLUMN_TEXT, "c1", SENSITIVE_ADDRESS},
	{"places", place, COLUMN_TEXT, "c1", SENSITIVE_LOCATION},
	{"JWT", jwt, COLUMN_TEXT, "c1", SENSITIVE_TOKEN},
	{"private keys", private_key, COLUMN_TEXT, "c1", SENSITIVE_PRIVATE_KEY},
	{"access keys", access_key, COLUMN_TEXT, "c1", SENSITIVE_ACCESS_KEY},
	{"bcrypt", bcrypt, COLUMN_TEXT, "c1", SENSITIVE_PASSWORD_HASH},
	{"notes with addresses", note_with_emails, COLUMN_TEXT, "c1", SENSITIVE_FREE_TEXT},
	{"a log with one key", log_with_one_secret, COLUMN_TEXT, "c1", SENSITIVE_FREE_TEXT},
	{"notes with IBANs", note_with_iban, COLUMN_TEXT, "c1", SENSITIVE_FREE_TEXT},
	{"phone digits, said so", padded_number, COLUMN_TEXT, "phone_number", SENSITIVE_PHONE},
	{"salary, said so", price, COLUMN_NUMBER, "salary", SENSITIVE_INCOME},
	{"empty: email", NULL, COLUMN_TEXT, "email", SENSITIVE_EMAIL},
	{"empty: Geburtsdatum", NULL, COLUMN_DATE, "geburtsdatum", SENSITIVE_BIRTH_DATE},
	{"empty: codice fiscale", NULL, COLUMN_TEXT, "codice_fiscale", SENSITIVE_NATIONAL_ID},
	{"empty: mot de passe", NULL, COLUMN_TEXT, "mot_de_passe", SENSITIVE_PASSWORD},
	{"empty: diagnosis", NULL, COLUMN_TEXT, "diagnosis", SENSITIVE_HEALTH},

	{"order numbers", order_number, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"order numbers, as numbers", order_number, COLUMN_NUMBER, "order_id", SENSITIVE_NONE},
	{"16 digits that fail Luhn", order_number_without_luhn, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"IBANs that fail mod 97", wrong_iban, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"versions like addresses", version, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"versions with many builds", version_with_builds, COLUMN_TEXT, "version", SENSITIVE_NONE},
	{"versions of Windows", long_version, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"UUID", uuid, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"ISBN-10", isbn10, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"ISBN-13", isbn13, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"EAN-13 of Germany", ean13, COLUMN_NUMBER, "c1", SENSITIVE_NONE},
	{"SHA-256", sha256, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"seconds since 1970", epoch_seconds, COLUMN_NUMBER, "c1", SENSITIVE_NONE},
	{"milliseconds since 1970", epoch_millis, COLUMN_NUMBER, "c1", SENSITIVE_NONE},
	{"timestamps", timestamp, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"recent dates", recent_date, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"product codes", sku, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"padded numbers", padded_number, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"nine digits", nine_digits, COLUMN_NUMBER, "c1", SENSITIVE_NONE},
	{"eleven digits", eleven_digits, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"twelve digits", twelve_digits, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"snowflakes", snowflake, COLUMN_NUMBER, "c1", SENSITIVE_NONE},
	{"URLs", url, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"handles", handle, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"remotes of git", git_remote, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"packages", package, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"prices", price, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"states", status, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"products", product, COLUMN_TEXT, "name", SENSITIVE_NONE},
	{"months", month, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"prose", prose, COLUMN_TEXT, "description", SENSITIVE_NONE},
	{"prose with order numbers", prose_with_order_numbers, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"public keys", public_key, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"times of day", time_of_day, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"dimensions", dimensions, COLUMN_TEXT, "c1", SENSITIVE_NONE},
	{"states, called email", status, COLUMN_TEXT, "email", SENSITIVE_NONE},
	{"product codes, called card_number", sku, COLUMN_TEXT, "card_number", SENSITIVE_NONE},
	{"empty: email_verified", NULL, COLUMN_OTHER, "email_verified", SENSITIVE_NONE},
	{"empty: email_template", NULL, COLUMN_TEXT, "email_template", SENSITIVE_NONE},
	{"empty: phone_type", NULL, COLUMN_TEXT, "phone_type", SENSITIVE_NONE},
	{"empty: file_name", NULL, COLUMN_TEXT, "file_name", SENSITIVE_NONE},
	{"empty: amount", NULL, COLUMN_NUMBER, "amount", SENSITIVE_NONE},
};

#define LEAST 0.5F

static Verdict
judge(size_t at, uint32_t values)
{
	ColumnCounts counts = {0};

	for (unsigned i = 0; corpus[at].make != NULL && i < values; i++)
	{
		char value[VALUE_MAX];
		Recognition found;

		corpus[at].make(value, i);
		recognize(bytes_of_string(value), true, YEAR, &found);
		counts_add(&counts, &found);
	}
	return reach_verdict(&counts, corpus[at].type, NULL, corpus[at].name);
}

static void
test_corpus(uint32_t values, double recall_least, double precision_least)
{
	unsigned sensitive = 0;
	unsigned found = 0;
	unsigned right = 0;
	unsigned kinds = 0;

	for (size_t i = 0; i < LENGTH(corpus); i++)
	{
		Verdict verdict = judge(i, values);
		bool positive = verdict.confidence >= LEAST;
		bool expected = corpus[i].kind != SENSITIVE_NONE;

		sensitive += expected;
		found += positive;
		right += positive && expected;
		kinds += positive && expected && verdict.kind == corpus[i].kind;
		if (positive != expected || (expected && verdict.kind != corpus[i].kind))
			printf("# %u values of \"%s\": %s, %.2f\n", values, corpus[i].label,
				   verdict.kind == SENSITIVE_NONE ? "nothing" : sensitive_kind(verdict.kind)->name,
				   (double) verdict.confidence);
	}
	ok(right >= recall_least * sensitive, "%u values: recall %u of %u", values, right, sensitive);
	ok(right >= precision_least * found, "%u values: precision %u of %u", values, right, found);
	ok(kinds >= precision_least * right, "%u values: of the right kind %u of %u", values, kinds,
	   right);
}

/* The more values, the surer; and never less than what the name says without any. */
static void
test_confidence(void)
{
	float before = 0;

	for (uint32_t values = 1; values <= 8; values *= 2)
	{
		float now = judge(0, values).confidence;

		ok(now >= before && now <= 1, "%u e-mail addresses: %.2f", values, (double) now);
		before = now;
	}
}

int
main(void)
{
	begin();
	test_corpus(VALUES, 1.0, 1.0);
	test_corpus(20, 0.95, 0.95);
	test_confidence();
	return end();
}
