/*
 * recognize_test.c - what a text is taken for, and what not
 *
 * Examples are those of the standards, or made up with their check digits.
 * Every text lies in a block of exactly its size, so that sanitizers see a
 * byte too many.
 */
#include "recognize/names.h"
#include "recognize/recognize.h"
#include "recognize/verdict.h"
#include "unit.h"

#define YEAR 2026

static Recognition
look_at(Bytes text)
{
	uint8_t *copy = must(malloc(text.len > 0 ? text.len : 1));
	Recognition found;

	memcpy(copy, text.data, text.len);
	recognize(bytes_view(copy, text.len), true, YEAR, &found);
	free(copy);
	return found;
}

/* ---------------------------------------------------------------- whole values */

/* P proven, F its form, C could be, W within, N none of this. */
static const struct
{
	char expect;
	SensitiveKind kind;
	const char *text;
} cases[] = {
	{'P', SENSITIVE_EMAIL, "ada@example.org"},
	{'P', SENSITIVE_EMAIL, " ada.lovelace+list@mail.example.co.uk  "},
	{'P', SENSITIVE_EMAIL, "жанна@пример.рф"},
	{'N', SENSITIVE_EMAIL, "ada@localhost"},
	{'N', SENSITIVE_EMAIL, "@ada"},
	{'N', SENSITIVE_EMAIL, "icon@2x.png"},
	{'N', SENSITIVE_EMAIL, "git@example.org:platform/app"},
	{'N', SENSITIVE_EMAIL, "react@18.2.0"},
	{'W', SENSITIVE_EMAIL, "write to <ada@example.org>, please"},
	{'W', SENSITIVE_EMAIL, "mail:ada@example.org was wrong; ada@example.org."},
	{'W', SENSITIVE_EMAIL, "ada@example.org."},
	{'N', SENSITIVE_EMAIL, "meet @ noon. then go"},

	{'P', SENSITIVE_PHONE, "+49 30 901820"},
	{'P', SENSITIVE_PHONE, "+1 (202) 555-0143"},
	{'P', SENSITIVE_PHONE, "+44 20 7946 0958"},
	{'P', SENSITIVE_PHONE, "+491719876543"},
	{'P', SENSITIVE_PHONE, "+44 (0)20 7946 0958"},
	{'F', SENSITIVE_PHONE, "(202) 555-0143"},
	{'F', SENSITIVE_PHONE, "202-555-0143"},
	{'F', SENSITIVE_PHONE, "202.555.0143"},
	{'F', SENSITIVE_PHONE, "1-202-555-0143"},
	{'F', SENSITIVE_PHONE, "030 901820-15"},
	{'F', SENSITIVE_PHONE, "01 42 68 53 00"},
	{'F', SENSITIVE_PHONE, "0049 30 901820"},
	{'C', SENSITIVE_PHONE, "0301234567"},
	{'C', SENSITIVE_PHONE, "2025550143"},
	{'N', SENSITIVE_PHONE, "+99"},
	{'N', SENSITIVE_PHONE, "+0 123 4567890"},
	{'C', SENSITIVE_PHONE, "0-306-40615-2"}, /* ISBN-10 */
	{'C', SENSITIVE_PHONE, "978-3-16-148410-0"},
	{'C', SENSITIVE_PHONE, "000012345678"},
	{'C', SENSITIVE_PHONE, "102-555-0143"},
	{'N', SENSITIVE_PHONE, "0000000000"},
	{'N', SENSITIVE_PHONE, "12:30:45.1234567"},
	{'W', SENSITIVE_PHONE, "call +49 30 901820 after six"},
	{'N', SENSITIVE_PHONE, "a + 49301234567 b"},

	{'P', SENSITIVE_CARD, "4111111111111111"},
	{'P', SENSITIVE_CARD, "4111 1111 1111 1111"},
	{'P', SENSITIVE_CARD, "5500-0055-5555-5559"},
	{'P', SENSITIVE_CARD, "378282246310005"},
	{'P', SENSITIVE_CARD, "6011000990139424"},
	{'P', SENSITIVE_CARD, "3530111333300000"},
	{'P', SENSITIVE_CARD, "30569309025904"},
	{'P', SENSITIVE_CARD, "2223003122003222"},
	{'C', SENSITIVE_CARD, "4111111111111112"},
	{'N', SENSITIVE_CARD, "1234567812345670"}, /* Luhn's digit, and no issuer's beginning */
	{'N', SENSITIVE_CARD, "4222222222222"},
	{'N', SENSITIVE_CARD, "0000000000000000"},
	{'N', SENSITIVE_CARD, "411111111111111a"},
	{'N', SENSITIVE_CARD, "41111111111111111111"},
	{'W', SENSITIVE_CARD, "paid with 4111 1111 1111 1111, exp 12/27"},
	{'W', SENSITIVE_CARD, "{\"pan\": \"4111111111111111\"}"},
	{'C', SENSITIVE_CARD, "order 4111111111111112 was sent"},

	{'P', SENSITIVE_BANK_ACCOUNT, "DE89370400440532013000"},
	{'P', SENSITIVE_BANK_ACCOUNT, "GB82 WEST 1234 5698 7654 32"},
	{'P', SENSITIVE_BANK_ACCOUNT, "fr1420041010050500013m02606"},
	{'P', SENSITIVE_BANK_ACCOUNT, "NO9386011117947"},
	{'P', SENSITIVE_BANK_ACCOUNT, "MT84MALT011000012345MTLCAST001S"},
	{'C', SENSITIVE_BANK_ACCOUNT, "DE89370400440532013001"},
	{'N', SENSITIVE_BANK_ACCOUNT, "DE8937040044053201300"},
	{'N', SENSITIVE_BANK_ACCOUNT, "XX89370400440532013000"},
	{'W', SENSITIVE_BANK_ACCOUNT, "to DE89 3704 0044 0532 0130 00 by Friday"},
	{'W', SENSITIVE_BANK_ACCOUNT, "iban=DE89370400440532013000;"},

	{'P', SENSITIVE_IP, "192.0.2.1"},
	{'P', SENSITIVE_IP, "2001:db8::1"},
	{'P', SENSITIVE_IP, "198.51.100.0/24"},
	{'P', SENSITIVE_IP, "fe80::1%eth0"},
	{'P', SENSITIVE_IP, "::ffff:192.0.2.1"},
	{'P', SENSITIVE_IP, "10.0.0.57"},
	{'P', SENSITIVE_IP, "3.120.45.2"},
	{'C', SENSITIVE_IP, "2.14.0.3"}, /* or a version */
	{'C', SENSITIVE_IP, "2.14.120.3"},
	{'C', SENSITIVE_IP, "10.0.19.1"},
	{'N', SENSITIVE_IP, "10.0.19041.1"},
	{'N', SENSITIVE_IP, "1.2.3"},
	{'N', SENSITIVE_IP, "12:30:45"},

	{'P', SENSITIVE_DEVICE, "00:1a:2B:3c:4d:5e"},
	{'P', SENSITIVE_DEVICE, "00-1A-2B-3C-4D-5E"},
	{'F', SENSITIVE_DEVICE, "490154203237518"},
	{'N', SENSITIVE_DEVICE, "00:1a-2B:3c:4d:5e"},
	{'N', SENSITIVE_DEVICE, "490154203237519"},

	{'F', SENSITIVE_BIRTH_DATE, "1975-12-10"},
	{'F', SENSITIVE_BIRTH_DATE, "10.12.1975"},
	{'F', SENSITIVE_BIRTH_DATE, "12/10/1975"},
	{'C', SENSITIVE_BIRTH_DATE, "2024-12-10"},
	{'N', SENSITIVE_BIRTH_DATE, "1815-12-10"},
	{'N', SENSITIVE_BIRTH_DATE, "2030-12-10"},
	{'N', SENSITIVE_BIRTH_DATE, "1975-12"},

	{'F', SENSITIVE_NATIONAL_ID, "123-45-6789"},
	{'N', SENSITIVE_NATIONAL_ID, "666-45-6789"},
	{'N', SENSITIVE_NATIONAL_ID, "900-45-6789"},
	{'N', SENSITIVE_NATIONAL_ID, "123-00-6789"},
	{'P', SENSITIVE_NATIONAL_ID, "130 692 544"},    /* Canada */
	{'P', SENSITIVE_NATIONAL_ID, "111222333"},      /* Netherlands */
	{'P', SENSITIVE_NATIONAL_ID, "111.444.777-35"}, /* Brazil */
	{'N', SENSITIVE_NATIONAL_ID, "111.444.777-36"},
	{'P', SENSITIVE_NATIONAL_ID, "86095742719"}, /* Germany */
	{'N', SENSITIVE_NATIONAL_ID, "86095742718"},
	{'P', SENSITIVE_NATIONAL_ID, "44051401359"}, /* Poland */
	{'N', SENSITIVE_NATIONAL_ID, "44051401358"},
	{'P', SENSITIVE_NATIONAL_ID, "10000000146"},           /* Turkey */
	{'P', SENSITIVE_NATIONAL_ID, "85.07.30-033.28"},       /* Belgium */
	{'P', SENSITIVE_NATIONAL_ID, "2 55 08 14 168 025 38"}, /* France */
	{'N', SENSITIVE_NATIONAL_ID, "2 55 08 14 168 025 39"},
	{'P', SENSITIVE_NATIONAL_ID, "12345678Z"}, /* Spain */
	{'P', SENSITIVE_NATIONAL_ID, "X1234567L"},
	{'N', SENSITIVE_NATIONAL_ID, "12345678A"},
	{'P', SENSITIVE_NATIONAL_ID, "RSSMRA85T10A562S"}, /* Italy */
	{'N', SENSITIVE_NATIONAL_ID, "RSSMRA85T10A562T"},
	{'F', SENSITIVE_NATIONAL_ID, "AB 12 34 56 C"}, /* United Kingdom */
	{'N', SENSITIVE_NATIONAL_ID, "QQ 12 34 56 C"},
	{'P', SENSITIVE_NATIONAL_ID, "811228-9874"}, /* Sweden */
	{'P', SENSITIVE_NATIONAL_ID, "19811228-9874"},
	{'N', SENSITIVE_NATIONAL_ID, "811228-9875"},
	{'N', SENSITIVE_NATIONAL_ID, "8112289874"},  /* nothing but ten digits */
	{'P', SENSITIVE_NATIONAL_ID, "131052-308T"}, /* Finland */
	{'N', SENSITIVE_NATIONAL_ID, "131052-308U"},
	{'P', SENSITIVE_NATIONAL_ID, "756.9217.0769.85"},   /* Switzerland */
	{'P', SENSITIVE_NATIONAL_ID, "11010519491231002X"}, /* China */
	{'N', SENSITIVE_NATIONAL_ID, "110105194912310021"},
	{'F', SENSITIVE_NATIONAL_ID, "ABCPE1234F"}, /* India */
	{'N', SENSITIVE_NATIONAL_ID, "111111111"},
	{'W', SENSITIVE_NATIONAL_ID, "SSN 123-45-6789 as given"},

	{'F', SENSITIVE_NAME, "Ada Lovelace"},
	{'F', SENSITIVE_NAME, "Lovelace, Ada"},
	{'C', SENSITIVE_NAME, "Grace-Marie O'Hara"},
	{'C', SENSITIVE_NAME, "Łukasz Żak"},
	{'N', SENSITIVE_NAME, "Model 3"},
	{'N', SENSITIVE_NAME, "pending"},

	{'F', SENSITIVE_ADDRESS, "12 Main Street, Springfield"},
	{'F', SENSITIVE_ADDRESS, "221B Baker St."},
	{'F', SENSITIVE_ADDRESS, "Hauptstraße 7, 10115 Berlin"},
	{'F', SENSITIVE_ADDRESS, "Lange Str. 12a"},
	{'F', SENSITIVE_ADDRESS, "12 rue de la Paix, 75002 Paris"},
	{'F', SENSITIVE_ADDRESS, "Calle Mayor 5"},
	{'F', SENSITIVE_ADDRESS, "Via Roma 1, Torino"},
	{'F', SENSITIVE_ADDRESS, "PO Box 123"},
	{'C', SENSITIVE_ADDRESS, "2 boxes of tea"},
	{'C', SENSITIVE_ADDRESS, "version 12 of the street map"},

	{'F', SENSITIVE_LOCATION, "48.8566, 2.3522"},
	{'F', SENSITIVE_LOCATION, "(-33.8688,151.2093)"},
	{'N', SENSITIVE_LOCATION, "98.8566, 2.3522"},
	{'N', SENSITIVE_LOCATION, "12.50, 13.75"},

	/* RFC 7519, 3.1 */
	{'P', SENSITIVE_TOKEN,
	 "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
	 "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
	 "Q."
	 "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
	{'W', SENSITIVE_TOKEN, "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."},
	{'N', SENSITIVE_TOKEN, "eyJhIjoxfQ.eyJzdWIiOiJhZGEifQ.x"}, /* no algorithm */
	{'N', SENSITIVE_TOKEN, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ"},
	{'N', SENSITIVE_TOKEN, "eyJhbGciOiJub25lIn0"},

	{'P', SENSITIVE_PRIVATE_KEY,
	 "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END"},
	{'W', SENSITIVE_PRIVATE_KEY,
	 "key: \"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY\n\""},
	{'N', SENSITIVE_PRIVATE_KEY,
	 "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQ\n"},
	{'N', SENSITIVE_PRIVATE_KEY, "-----BEGIN PRIVATE KEY-----"},

	{'P', SENSITIVE_ACCESS_KEY, "AKIAIOSFODNN7EXAMPLE"},
	{'P', SENSITIVE_ACCESS_KEY, "ghp_0123456789abcdefghijABCDEFGHIJ012345"},
	{'P', SENSITIVE_ACCESS_KEY, "postgres://app:s3cret@db.example.org/shop"},
	{'W', SENSITIVE_ACCESS_KEY, "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE # old"},
	{'N', SENSITIVE_ACCESS_KEY, "AKIAIOSFODNNEXAMPLE"},
	{'N', SENSITIVE_ACCESS_KEY, "postgres://app@db.example.org/shop"},
	{'N', SENSITIVE_ACCESS_KEY, "https://example.org:8080/a@b"},

	{'P', SENSITIVE_PASSWORD_HASH, "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"},
	{'P', SENSITIVE_PASSWORD_HASH,
	 "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b7dWRWJTmaaJObG"},
	{'P', SENSITIVE_PASSWORD_HASH, "md5d41d8cd98f00b204e9800998ecf8427e"},
	{'P', SENSITIVE_PASSWORD_HASH,
	 "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
	 "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="},
	{'N', SENSITIVE_PASSWORD_HASH, "d41d8cd98f00b204e9800998ecf8427e"},
	{'N', SENSITIVE_PASSWORD_HASH, "$1,000"},
};

static bool
is_as_expected(char expect, const Recognition *found, uint32_t bit)
{
	bool proven = (found->proven & bit) != 0;
	bool alike = (found->alike & bit) != 0;
	bool possible = (found->possible & bit) != 0;
	bool within = (found->within & bit) != 0;

	switch (expect)
	{
		case 'P':
			return proven && alike && possible;
		case 'F':
			return !proven && alike && possible;
		case 'C':
			return !alike && possible && !within;
		case 'W':
			return within && !alike;
		default:
			return !alike && !possible && !within;
	}
}

static void
test_cases(void)
{
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		Recognition found = look_at(bytes_of_string(cases[i].text));

		ok(is_as_expected(cases[i].expect, &found, SENSITIVE_BIT(cases[i].kind)), "%c %s: %.60s",
		   cases[i].expect, sensitive_kind(cases[i].kind)->name, cases[i].text);
	}
}

/* ---------------------------------------------------------------- what is none of all this */

static void
test_nothing(void)
{
	static const char *const texts[] = {
		"",
		"   ",
		"x",
		"550e8400-e29b-41d4-a716-446655440000", /* a UUID */
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"2026-11-22 09:30:00+00",
		"SKU-2041-XL",
		"v1.14.2-rc1",
		"{\"a\": [1, 2, 3]}",
		"true",
		"https://example.org/path?x=1",
		"1700000000000",
		"3.14159",
	};

	for (size_t i = 0; i < LENGTH(texts); i++)
	{
		Recognition found = look_at(bytes_of_string(texts[i]));

		ok(found.alike == 0 && found.within == 0, "nothing: \"%s\"", texts[i]);
	}
}

static void
test_binary(void)
{
	/* RFC 8410, 10.3: a key of Ed25519 */
	static const char pkcs8[] = "302e020100300506032b657004220420"
								"d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";
	static const char public_key[] =
		"302a300506032b6570032100"
		"19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
	uint8_t bytes[64];
	Recognition found;

	recognize_binary(unhex(pkcs8, bytes), YEAR, &found);
	ok(found.proven == SENSITIVE_BIT(SENSITIVE_PRIVATE_KEY), "a private key in DER");
	recognize_binary(unhex(public_key, bytes), YEAR, &found);
	ok(found.proven == 0, "a public key in DER is none");
	recognize_binary(STRING("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRS\n"), YEAR,
					 &found);
	ok(found.proven == SENSITIVE_BIT(SENSITIVE_PRIVATE_KEY), "a private key in PEM, as bytes");
	for (size_t size = 0; size < 48; size++)
	{
		uint8_t *copy = must(malloc(size > 0 ? size : 1));

		unhex(pkcs8, bytes);
		memcpy(copy, bytes, size);
		recognize_binary(bytes_view(copy, size), YEAR, &found);
		free(copy);
		if (found.proven != 0)
			break;
		if (size == 47)
			ok(true, "a key that is cut off is none");
	}
}

/* ---------------------------------------------------------------- names */

static void
test_names(void)
{
	static const struct
	{
		const char *table;
		const char *column;
		SensitiveKind kind;
		float least;
	} names[] = {
		{NULL, "email", SENSITIVE_EMAIL, 0.8F},
		{NULL, "E-Mail", SENSITIVE_EMAIL, 0.6F},
		{NULL, "customer_email_2", SENSITIVE_EMAIL, 0.75F},
		{NULL, "emailAddress", SENSITIVE_EMAIL, 0.9F},
		{NULL, "dateOfBirth", SENSITIVE_BIRTH_DATE, 0.95F},
		{NULL, "DATE_OF_BIRTH", SENSITIVE_BIRTH_DATE, 0.95F},
		{NULL, "Geburtsdatum", SENSITIVE_BIRTH_DATE, 0.95F},
		{NULL, "fecha_de_nacimiento", SENSITIVE_BIRTH_DATE, 0.95F},
		{NULL, "prénom", SENSITIVE_NAME, 0.9F},
		{NULL, "Straße", SENSITIVE_ADDRESS, 0.75F},
		{NULL, "contraseña", SENSITIVE_PASSWORD, 0.95F},
		{NULL, "IPAddress", SENSITIVE_IP, 0.9F},
		{NULL, "codice_fiscale", SENSITIVE_NATIONAL_ID, 0.95F},
		{"customers", "name", SENSITIVE_NAME, 0.6F},
		{NULL, "customer_name", SENSITIVE_NAME, 0.6F},
		{NULL, "billing_address", SENSITIVE_ADDRESS, 0.8F},
	};
	static const struct
	{
		const char *table;
		const char *column;
	} others[] = {
		{NULL, "id"},
		{NULL, "zipper"},
		{NULL, "email_verified"},
		{NULL, "phone_type"},
		{NULL, "email_template_id"},
		{NULL, "is_email"},
		{"product", "name"},
		{NULL, "file_name"},
		{NULL, "table_name"},
		{NULL, "wallet_address"},
		{NULL, "description"},
		{NULL, "amount"},
		{NULL, "password_changed"},
		{NULL, "shipping"},
		{NULL, ""},
		{NULL, "_"},
	};
	float hints[SENSITIVE_KINDS];
	char long_name[300];

	for (size_t i = 0; i < LENGTH(names); i++)
	{
		SensitiveKind best = 0;

		name_hints(names[i].table, names[i].column, hints);
		for (int kind = 0; kind < SENSITIVE_KINDS; kind++)
			best = hints[kind] > hints[best] ? (SensitiveKind) kind : best;
		ok(best == names[i].kind && hints[best] >= names[i].least - 0.001F, "%s: %s, %.2f",
		   names[i].column, sensitive_kind(best)->name, (double) hints[best]);
	}
	for (size_t i = 0; i < LENGTH(others); i++)
	{
		float most = 0;

		name_hints(others[i].table, others[i].column, hints);
		for (int kind = 0; kind < SENSITIVE_KINDS; kind++)
			most = hints[kind] > most ? hints[kind] : most;
		ok(most < 0.5F, "\"%s\" says little: %.2f", others[i].column, (double) most);
	}
	memset(long_name, 'A', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	name_hints(long_name, long_name, hints);
	for (size_t i = 1; i < sizeof(long_name) - 1; i += 2)
		long_name[i] = '_';
	name_hints(long_name, long_name, hints);
	ok(true, "names of any length");
}

/* ---------------------------------------------------------------- any bytes */

static void
test_any(void)
{
	for (int round = 0; round < 20000; round++)
	{
		uint8_t bytes[200];
		size_t size = any(sizeof(bytes));
		Recognition found;

		for (size_t i = 0; i < size; i++)
			bytes[i] =
				(uint8_t) (any(3) > 0 ? (uint8_t) "0123456789 -.@:+aZ$/_eyJ"[any(24)] : any(256));
		found = look_at(bytes_view(bytes, size));
		if ((found.proven & ~found.alike) != 0 || (found.alike & ~found.possible) != 0)
		{
			ok(false, "what is proven is alike, and possible");
			return;
		}
	}
	ok(true, "any bytes");
}

int
main(void)
{
	begin();
	test_cases();
	test_nothing();
	test_binary();
	test_names();
	test_any();
	return end();
}
