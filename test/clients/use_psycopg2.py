"""use_psycopg2.py CONNINFO TABLE: reads and writes a table in the ways of psycopg2, and prints what it got: of each
column its type, of each value its Python type and itself. Two tables can be compared by it."""
import sys

import psycopg2
from psycopg2.extras import Json, execute_values


def shown(value):
    if isinstance(value, list):
        return [shown(item) for item in value]
    return bytes(value) if isinstance(value, memoryview) else value


def show(what, cursor):
    for column in cursor.description:
        print(what, column.name, column.type_code, column.internal_size, column.precision)
    rows = cursor.fetchall()
    for row in rows:
        for column, value in zip(cursor.description, row):
            print(what, column.name, type(value).__name__, repr(shown(value)))
    return rows


def adapted(value):
    if isinstance(value, (list, tuple)):
        return [adapted(item) for item in value]
    return Json(value) if isinstance(value, dict) else value


table = sys.argv[2]
connection = psycopg2.connect(sys.argv[1])
cursor = connection.cursor()
cursor.execute(f"SELECT * FROM {table} ORDER BY id")
row = show("select", cursor)[0]
cursor.execute(f"SELECT * FROM {table} WHERE id = %s", [1])
show("parameter", cursor)
# A list of documents is an array of text to psycopg2, so no value for an array of jsonb.
row = [None if isinstance(value, list) and isinstance(value[0], dict) else value for value in row]
names = [column.name for column in cursor.description if row[cursor.description.index(column)] is not None]
named = connection.cursor("named")
named.execute(f"SELECT * FROM {table} ORDER BY id")
first = [named.fetchone()]
print("named cursor", [type(value).__name__ for value in first[0]], [column.type_code for column in named.description])
named.close()
cursor.execute(f"UPDATE {table} SET {', '.join(f'{name} = %s' for name in names)} WHERE id = 1 RETURNING *",
               adapted([value for value in row if value is not None]))
show("written", cursor)
execute_values(cursor, f"INSERT INTO {table} VALUES %s RETURNING *", [adapted((n, *row[1:])) for n in (10, 11)])
show("inserted", cursor)
cursor.execute(f"DELETE FROM {table} WHERE id >= 10 RETURNING *")
show("deleted", cursor)
connection.commit()
