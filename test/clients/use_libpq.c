/*
 * use_libpq.c CONNINFO TABLE: reads and writes a table in all ways that libpq
 * has, and prints what it got: of each column name, type and modifier, and the
 * bytes of each value. Nothing that is printed depends on the table's name, so
 * that two tables can be compared by it.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 64

static PGconn *connection;
static const char *table;

static void
fail(const char *what)
{
	fprintf(stderr, "%s: %s", what, PQerrorMessage(connection));
	exit(1);
}

static PGresult *
check(PGresult *result, const char *what)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_SINGLE_TUPLE)
		fail(what);
	return result;
}

static void
show_columns(const char *what, PGresult *result)
{
	for (int i = 0; i < PQnfields(result); i++)
		printf("%s: column %s type %u modifier %d size %d format %d of a table %d number %d\n",
			   what, PQfname(result, i), PQftype(result, i), PQfmod(result, i), PQfsize(result, i),
			   PQfformat(result, i), PQftable(result, i) != 0, PQftablecol(result, i));
}

static PGresult *
show(const char *what, PGresult *result)
{
	check(result, what);
	show_columns(what, result);
	for (int row = 0; row < PQntuples(result); row++)
	{
		for (int i = 0; i < PQnfields(result); i++)
		{
			printf("%s: row %d %s ", what, row, PQfname(result, i));
			if (PQgetisnull(result, row, i))
				printf("null");
			for (int at = 0; at < PQgetlength(result, row, i); at++)
				printf("%02x", (unsigned char) PQgetvalue(result, row, i)[at]);
			printf("\n");
		}
	}
	return result;
}

static const char *
sql(const char *format)
{
	static char text[8192];

	snprintf(text, sizeof(text), format, table);
	return text;
}

static void
run(const char *statement)
{
	PQclear(check(PQexec(connection, statement), statement));
}

/* Writes a row as it was read, under another id, by parameters with their types given or left open.
 */
static void
write_row(const char *what, PGresult *row, int format, int given)
{
	const char *values[COLUMNS_MAX];
	int lengths[COLUMNS_MAX];
	int formats[COLUMNS_MAX];
	Oid types[COLUMNS_MAX];
	char statement[8192];
	size_t at;
	int count = PQnfields(row);

	at = (size_t) snprintf(statement, sizeof(statement), "UPDATE %s SET ", table);
	for (int i = 0; i < count; i++)
	{
		values[i] = PQgetisnull(row, 0, i) ? NULL : PQgetvalue(row, 0, i);
		lengths[i] = PQgetlength(row, 0, i);
		formats[i] = format;
		types[i] = given ? PQftype(row, i) : 0;
		at += (size_t) snprintf(statement + at, sizeof(statement) - at, "%s%s = $%d",
								i > 0 ? ", " : "", PQfname(row, i), i + 1);
	}
	snprintf(statement + at, sizeof(statement) - at, " WHERE id = $1 RETURNING *");
	PQclear(show(
		what, PQexecParams(connection, statement, count, types, values, lengths, formats, format)));
	PQclear(check(PQprepare(connection, "", statement, count, types), what));
	PQclear(show(what, PQexecPrepared(connection, "", count, values, lengths, formats, format)));
}

int
main(int argc, char **argv)
{
	PGresult *text;
	PGresult *binary;
	const char *id = "1";

	if (argc != 3)
		return 2;
	table = argv[2];
	connection = PQconnectdb(argv[1]);
	if (PQstatus(connection) != CONNECTION_OK)
		fail("connect");

	PQclear(show("simple", PQexec(connection, sql("SELECT * FROM %s ORDER BY id"))));
	text = show("text", PQexecParams(connection, sql("SELECT * FROM %s WHERE id = $1"), 1, NULL,
									 &id, NULL, NULL, 0));
	binary = show("binary", PQexecParams(connection, sql("SELECT * FROM %s WHERE id = $1"), 1, NULL,
										 &id, NULL, NULL, 1));

	PQclear(check(PQprepare(connection, "named", sql("SELECT * FROM %s WHERE id = $1"), 0, NULL),
				  "prepare"));
	show_columns("described", check(PQdescribePrepared(connection, "named"), "describe"));
	for (int i = 0; i < 8; i++)
		PQclear(show("prepared", PQexecPrepared(connection, "named", 1, &id, NULL, NULL, i % 2)));

	/* The catalog moves on between Parse and Describe, and then Bind. */
	run(sql("ALTER TABLE %s ALTER id SET STATISTICS 10"));
	show_columns("described again", check(PQdescribePrepared(connection, "named"), "describe"));
	run(sql("ALTER TABLE %s ALTER id SET STATISTICS 20"));
	PQclear(show("prepared again", PQexecPrepared(connection, "named", 1, &id, NULL, NULL, 1)));
	run("DEALLOCATE named");
	run(sql("PREPARE by_sql (int) AS SELECT * FROM %s WHERE id = $1"));
	show_columns("described by SQL", check(PQdescribePrepared(connection, "by_sql"), "describe"));
	PQclear(show("execute", PQexec(connection, "EXECUTE by_sql (1)")));
	run(sql("ALTER TABLE %s ALTER id SET STATISTICS 30"));
	PQclear(show("execute again",
				 PQexecParams(connection, "EXECUTE by_sql (1)", 0, NULL, NULL, NULL, NULL, 1)));

	run("BEGIN");
	run(sql("DECLARE plain SCROLL CURSOR FOR SELECT * FROM %s ORDER BY id"));
	run(sql("DECLARE bytes BINARY CURSOR FOR SELECT * FROM %s ORDER BY id"));
	show_columns("portal", check(PQdescribePortal(connection, "plain"), "describe portal"));
	PQclear(show("fetch", PQexec(connection, "FETCH 1 FROM plain")));
	PQclear(show("fetch binary", PQexec(connection, "FETCH 1 FROM bytes")));
	PQclear(show("fetch by parameters",
				 PQexecParams(connection, "FETCH 1 FROM plain", 0, NULL, NULL, NULL, NULL, 1)));
	run("COMMIT");

	if (!PQsendQuery(connection, sql("SELECT * FROM %s ORDER BY id")) ||
		!PQsetSingleRowMode(connection))
		fail("single rows");
	for (PGresult *one; (one = PQgetResult(connection)) != NULL;)
		PQclear(show("single rows", one));

	PQclear(
		show("insert", PQexec(connection,
							  sql("INSERT INTO %s SELECT * FROM (VALUES (3)) AS v RETURNING *"))));
	PQclear(show("delete", PQexecParams(connection, sql("DELETE FROM %s WHERE id = 3 RETURNING *"),
										0, NULL, NULL, NULL, NULL, 1)));
	write_row("written as text", text, 0, 1);
	write_row("written as text, types open", text, 0, 0);
	write_row("written as binary", binary, 1, 1);
	write_row("written as binary, types open", binary, 1, 0);
	PQclear(text);
	PQclear(binary);
	PQfinish(connection);
	return 0;
}
