/*
 * recognize_bench.c - what it costs to look at a value, and at a column's name
 *
 * Links with what needs no server. The best of several rounds, in nanoseconds.
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
	const char *what;
	const char *value;
} loads[] = {
	{"a word", "pending"},
	{"a number", "1234567"},
	{"UUID", "550e8400-e29b-41d4-a716-446655440000"},
	{"timestamp", "2026-11-22 09:30:00+00"},
	{"e-mail", "anastasia.nikolaevna@mail.example.com.au"},
	{"phone", "+49 (30) 1234-5678"},
	{"card", "4111 1111 1111 1111"},
	{"IBAN", "DE89 3704 0044 0532 0130 00"},
	{"IPv4", "192.168.120.155"},
	{"IPv6", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"},
	{"11 digits", "86095742719"},
	{"name", "Anastasia Nikolaevna"},
	{"address", "12 Main Street, Springfield 62704, Germany"},
	{"JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXk"},
	{"bcrypt", "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"},
	{"40 bytes of prose", "The Tower, reversed, in the ninth house."},
	{"120 bytes of prose",
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

	printf("%-20s %5s %9s\n", "value", "bytes", "ns");
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
		printf("%-20s %5zu %9.1f\n", loads[i].what, value.len, best / VALUES);
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
	printf("%-20s %5s %9.1f\n", "a column's name", "", best / 100);
	return 0;
}
