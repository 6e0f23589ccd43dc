// use_pg.js CONNINFO TABLE: reads and writes a table in the ways of node-postgres, and prints what it got: of each
// column its type, of each value its class and itself. Two tables can be compared by it.
'use strict';
const { Client } = require('pg');
const Cursor = require('pg-cursor');

function show(what, result) {
	for (const field of result.fields) {
		console.log(what, field.name, field.dataTypeID, field.dataTypeSize, field.dataTypeModifier, field.format, field.columnID);
	}
	for (const row of result.rows) {
		for (const [name, value] of Object.entries(row)) {
			console.log(what, name, value === null ? 'null' : value.constructor.name, JSON.stringify(value));
		}
	}
	return result.rows;
}

async function main(conninfo, table) {
	const parts = Object.fromEntries(conninfo.split(' ').map((part) => part.split('=')));
	const client = new Client({ host: parts.host, port: parts.port, user: parts.user, database: parts.dbname });
	await client.connect();
	const [row] = show('select', await client.query(`SELECT * FROM ${table} ORDER BY id`));
	show('parameter', await client.query(`SELECT * FROM ${table} WHERE id = $1`, [1]));
	for (let i = 0; i < 3; i++) {
		show('prepared', await client.query({ name: 'named', text: `SELECT * FROM ${table} WHERE id = $1`, values: [1] }));
	}
	show('binary', await client.query({ text: `SELECT * FROM ${table} WHERE id = 1`, binary: true }));
	const cursor = client.query(new Cursor(`SELECT * FROM ${table} ORDER BY id`));
	for (const part of [await cursor.read(1), await cursor.read(1)]) {
		console.log('cursor', JSON.stringify(part));
	}
	await cursor.close();
	const names = Object.keys(row);
	const sets = names.map((name, i) => `${name} = $${i + 1}`).join(', ');
	show('written', await client.query(`UPDATE ${table} SET ${sets} WHERE id = 1 RETURNING *`, Object.values(row)));
	show('written by name', await client.query({ name: 'write', text: `UPDATE ${table} SET ${sets} WHERE id = 1 RETURNING *`,
		values: Object.values(row) }));
	await client.end();
}

main(process.argv[2], process.argv[3]).catch((error) => {
	console.error(error);
	process.exit(1);
});
