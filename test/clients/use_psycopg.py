"""use_psycopg.py CONNINFO TABLE: reads and writes a table in the ways of psycopg 3, and prints what it got: of each
column its type, of each value its Python type and itself. Two tables can be compared by it."""
import sys

import psycopg
from psycopg.types.json import Jsonb


def show(what, cursor):
    for column in cursor.description:
        print(what, column.name, column.type_code, column.internal_size, column.precision)
    rows = cursor.fetchall()
    for row in rows:
        for column, value in zip(cursor.description, row):
            print(what, column.name, type(value).__name__, repr(value))
    return rows


def adapted(value):
    if isinstance(value, (list, tuple)):
        return [adapted(item) for item in value]
    return Jsonb(value) if isinstance(value, dict) else value


table = sys.argv[2]
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    for binary in False, True:
        cursor = connection.cursor(binary=binary)
        row = show("select", cursor.execute(f"SELECT * FROM {table} ORDER BY id"))[0]
        show("parameter", cursor.execute(f"SELECT * FROM {table} WHERE id = %s", [1]))
        for _ in range(3):
            show("prepared", cursor.execute(f"SELECT * FROM {table} WHERE id = %s", [1], prepare=True))
        with connection.transaction():
            named = connection.cursor(name="named")
            show("named cursor", named.execute(f"SELECT * FROM {table} ORDER BY id", binary=binary))
        names = [column.name for column in cursor.description]
        for prepare in False, True:
            sets = ", ".join(f"{name} = {'%b' if binary and name != 'id' else '%s'}" for name in names)
            show("written", cursor.execute(f"UPDATE {table} SET {sets} WHERE id = 1 RETURNING *", adapted(row), prepare=prepare))
        values = ", ".join(["%s"] * len(names))
        cursor.executemany(f"INSERT INTO {table} VALUES ({values}) RETURNING *", [adapted((n, *row[1:])) for n in (10, 11)], returning=True)
        while True:
            show("inserted", cursor)
            if not cursor.nextset():
                break
        cursor.execute(f"DELETE FROM {table} WHERE id >= 10")
    for line in cursor.copy(f"COPY (SELECT * FROM {table} ORDER BY id) TO STDOUT").__enter__():
        print("copy", bytes(line))
