/*
 * recognize_bench.c - what it costs to look at a value, and at a column's name
 *
 * SOURCES: extension/recognize/[n-s]*.c extension/mask/[a-z]*.c extension/token/json.c
 *
 * SOURCES: extension/crypto/[a-z]*.c extension/base/secret.c
 *
 * Links with what needs no server. Prints a line for each kind of value, its
 * name, nanoseconds and what it is: the best of several rounds.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "recognize/names.h"
#include "recognize/recognize.h"

#define VALUES 20000
#define ROUNDS 15

static const struct
{
	const char *name;
	const char *what;
	const char *value;
} loads[] = {
	{"word", "a word", "pending"},
	{"number", "a number", "1234567"},
	{"uuid", "a UUID", "550e8400-e29b-41d4-a716-446655440000"},
	{"timestamp", "a timestamp", "2026-11-22 09:30:00+00"},
	{"email", "an e-mail address", "anastasia.nikolaevna@mail.example.com.au"},
	{"phone", "a telephone number", "+49 (30) 1234-5678"},
	{"card", "a card number", "4111 1111 1111 1111"},
	{"iban", "an IBAN", "DE89 3704 0044 0532 0130 00"},
	{"ipv4", "an IPv4 address", "192.168.120.155"},
	{"ipv6", "an IPv6 address", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"},
	{"digits", "11 digits", "86095742719"},
	{"name", "a name", "Anastasia Nikolaevna"},
	{"address", "a postal address", "12 Main Street, Springfield 62704, Germany"},
	{"jwt", "a JWT",
	 "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXk"},
	{"bcrypt", "a hash of bcrypt", "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"},
	{"prose_40", "40 bytes of prose", "The Tower, reversed, in the ninth house."},
	{"prose_120", "120 bytes of prose",
	 "The Tower, reversed, in the ninth house. The Tower, reversed, in the ninth house. The Tower, "
	 "reversed, in the ninth."},
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

int
main(void)
{
	static Recognition found;
	static float hints[SENSITIVE_KINDS];
	double best = 1e18;

	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
	{
		Bytes value = bytes_of_string(loads[i].value);

		best = 1e18;
		for (int round = 0; round < ROUNDS; round++)
		{
			double start = now();

			for (int n = 0; n < VALUES; n++)
			{
				recognize(value, true, 2026, &found);
				__asm__ volatile("" : : "r"(&found) : "memory");
			}
			start = now() - start;
			best = start < best ? start : best;
		}
		printf("%s %.1f %s, %zu bytes\n", loads[i].name, best / VALUES, loads[i].what, value.len);
	}
	best = 1e18;
	for (int round = 0; round < ROUNDS; round++)
	{
		double start = now();

		for (int n = 0; n < 100; n++)
		{
			name_hints("customer_contact", "primary_email_address", hints);
			__asm__ volatile("" : : "r"(hints) : "memory");
		}
		start = now() - start;
		best = start < best ? start : best;
	}
	printf("column %.1f the name of a column\n", best / 100);
	return 0;
}
