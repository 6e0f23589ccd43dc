# shellcheck shell=bash disable=SC2034 # variables are for those who source this
# What the tools share: which PostgreSQL, where private things lie, who runs servers, and how
# the extension gets into a private copy of the installation. To be sourced, never run.

set -euo pipefail
umask 022
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
TOOLS=$TOP/test/tools

# Whoever calls us by make has settings for another build, another server, another language.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES CDPATH
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGSERVICE PGPASSFILE PGPASSWORD PGDATA PGSSLMODE
export LC_ALL=C.UTF-8

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

# ------------------------------------------------------------------ which PostgreSQL

# The major to work with: $PG_MAJOR, or that of $PG_CONFIG, or this Debian's own.
pg_major() {
	if [ -n "${PG_MAJOR:-}" ]; then echo "$PG_MAJOR"; return; fi
	if [ -x "${PG_CONFIG:-}" ]; then
		"$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'
		return
	fi
	# shellcheck source=/dev/null
	case $(. /etc/os-release && echo "${VERSION_CODENAME:-}") in
		bookworm) echo 15 ;;
		trixie) echo 17 ;;
		*) apt-cache depends postgresql 2>/dev/null |
			sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1 ;;
	esac
}

# Sets PG_MAJOR, PG_CONFIG and the folders of that installation.
find_postgres() {
	PG_MAJOR=$(pg_major)
	[ -n "$PG_MAJOR" ] || die "which PostgreSQL? Set PG_MAJOR, or PG_CONFIG"
	PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/$PG_MAJOR/bin/pg_config}
	[ -x "$PG_CONFIG" ] || die "no $PG_CONFIG: run test/tools/install-packages build"
	PG_BIN=$("$PG_CONFIG" --bindir)
	PG_LIB=$("$PG_CONFIG" --pkglibdir)
	PG_SHARE=$("$PG_CONFIG" --sharedir)
	# .../src/test holds pg_regress, isolationtester and PostgreSQL::Test.
	PG_TESTDIR=$(cd "$(dirname "$("$PG_CONFIG" --pgxs)")/../test" && pwd)
}

# ------------------------------------------------------------------ who and where

# own_tmp NAME: a folder below /tmp for this checkout, always the same one; refused if it is not ours.
own_tmp() {
	local dir
	dir=/tmp/tarot-$1-$(printf '%s' "$TOP" | cksum | cut -d ' ' -f 1)
	mkdir "$dir" 2>/dev/null || true
	if [ ! -O "$dir" ] || [ -L "$dir" ]; then die "$dir belongs to someone else"; fi
	echo "$dir"
}

# private_dir NAME: sets DIR to .dev/NAME when the server's user can really reach it, else to a
# folder below /tmp (to NAME itself if that is a path); and PG_USER, DIR/pg being that user's.
private_dir() {
	DIR=$TOP/.dev/$1
	case $1 in /*) DIR=$1 ;; esac
	mkdir -p "$DIR" 2>/dev/null || DIR=$(own_tmp "${1##*/}")
	pg_user
	if ! as_pg test -x "$DIR"; then
		rmdir "$DIR" 2>/dev/null || true
		DIR=$(own_tmp "${1##*/}")
		pg_user
		as_pg test -x "$DIR" || die "user $PG_USER cannot reach $DIR"
	fi
	DIR=$(cd "$DIR" && pwd -P)
	SRC=$DIR/src INST=$DIR/install DATA=$DIR/pg/data LOG=$DIR/pg/server.log
	if [ ! -d "$DIR/pg" ] && mkdir "$DIR/pg" 2>/dev/null && [ "$(id -u)" = 0 ]; then
		chown "$PG_USER:" "$DIR/pg"
	fi
}

# PostgreSQL refuses root: root lets the user work who owns the folder already, else postgres.
pg_user() {
	PG_USER=$(id -un) AS_PG=(env -C /)
	[ "$(id -u)" = 0 ] || return 0
	PG_USER=$(stat -c %U "$DIR/pg" 2>/dev/null || echo root)
	if [ "$PG_USER" = root ] || [ "$PG_USER" = UNKNOWN ]; then
		PG_USER=postgres
		id -u postgres >/dev/null 2>&1 || PG_USER=nobody
	fi
	AS_PG=(setpriv --reuid "$PG_USER" --regid "$(id -g "$PG_USER")" --init-groups
		env -C / HOME="$DIR/pg" USER="$PG_USER" LOGNAME="$PG_USER")
}

# as_pg COMMAND...: runs it as PG_USER, in a folder and with a HOME that the user has.
as_pg() { "${AS_PG[@]}" "$@"; }

# Root in someone's checkout leaves nothing behind that the owner could not change.
give_back() {
	[ "$(id -u)" != 0 ] || [ -O "$DIR" ] || chown -hR --reference="$DIR" "$DIR"
}

# True if everyone may walk down to folder $1.
open_to_all() {
	local dir=$1
	while [ "$dir" != / ]; do
		case $(stat -c %A "$dir") in *[xt]) ;; *) return 1 ;; esac
		dir=$(dirname "$dir")
	done
}

# Sets SOCKET to the folder of the server's socket: everyone can reach it, and it is short enough
# for a socket (107 bytes with its name) and plain enough to stand unquoted in a connection string.
socket_dir() {
	SOCKET=$DIR/run
	if [ ${#SOCKET} -gt 85 ] || [[ $SOCKET == *[!A-Za-z0-9_./-]* ]] || ! open_to_all "$DIR"; then
		SOCKET=/tmp/tarot-run-$(printf '%s' "$DIR" | cksum | cut -d ' ' -f 1)
	fi
}

# ------------------------------------------------------------------ the extension, built privately

# Copies the checkout to SRC, changed files only and with the time of copying, so that a build
# beside it is incremental and never meets objects that someone built in the checkout itself.
copy_source() {
	local list=$DIR/src.list file
	mkdir -p "$SRC"
	sources_of "$TOP" >"$list"
	while IFS= read -r file; do
		if cmp -s "$TOP/$file" "$SRC/$file" && { [ ! -x "$TOP/$file" ] || [ -x "$SRC/$file" ]; }; then continue; fi
		mkdir -p "$SRC/${file%/*}" 2>/dev/null || true
		cp "$TOP/$file" "$SRC/$file.new"
		chmod a+rX "$SRC/$file.new"
		mv -f "$SRC/$file.new" "$SRC/$file"
	done < <(sed 's/^\([^/]*\)$/.\/\1/' "$list")
	# What went away must go away here too; make sees no deletions, so the Makefile stands in.
	sources_of "$SRC" | comm -13 "$list" - | while IFS= read -r file; do
		rm -f "$SRC/$file"
		touch "$SRC/Makefile"
	done
	# Nor does it see that the server's headers are others.
	if [ "$("$PG_CONFIG" --version)" != "$(cat "$DIR/built-for" 2>/dev/null)" ]; then
		touch "$SRC/Makefile"
		"$PG_CONFIG" --version >"$DIR/built-for"
	fi
}

sources_of() {
	(cd "$1" && find . \( -name .git -o -name .dev \) -prune -o -type f ! -name '*.[od]' ! -name '*.so' \
		! -name '*.bc' ! -path './extension/exports.*' ! -path './extension/*--*.sql' -print \
		-o -type f -path './extension/upgrade/*' -print) | sed 's/^\.\///' | sort
}

# build DIR [VARIABLE=value...]: builds what copy_source copied.
build() {
	mkdir -p "$1"
	(cd "$1" && make -s -j2 -f "$SRC/Makefile" PG_CONFIG="$PG_CONFIG" "${@:2}")
}

# Makes INST a copy of the PostgreSQL installation in which only the extension is new. A program
# finds its own folders from where it lies, so programs are copied; the rest are links.
make_install() {
	local bin=$INST$PG_BIN lib=$INST$PG_LIB share=$INST$PG_SHARE file
	mkdir -p "$bin" "$lib" "$share/extension"
	for file in "$PG_BIN"/*; do
		cmp -s "$file" "$bin/${file##*/}" || cp -fL "$file" "$bin/"
	done
	find -H "$PG_LIB" -mindepth 1 -maxdepth 1 ! -name 'tarot_security*' -exec ln -sf -t "$lib" {} +
	find -H "$PG_SHARE" -mindepth 1 -maxdepth 1 ! -name extension -exec ln -sf -t "$share" {} +
	find -H "$PG_SHARE/extension" -mindepth 1 -maxdepth 1 ! -name 'tarot_security*' \
		-exec ln -sf -t "$share/extension" {} +
	(cd "$1" && make -s -f "$SRC/Makefile" PG_CONFIG="$PG_CONFIG" DESTDIR="$INST" install >/dev/null)
}

# ------------------------------------------------------------------ a private server

PORT=5432

psql_do() { PGOPTIONS='-c client_min_messages=warning' "$INST$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$SOCKET" -p $PORT -U postgres "$@"; }

server_running() { psql_do -d postgres -c 'SELECT 1' >/dev/null 2>&1; }

# A pid file from before a crash or a reboot may name a process that is someone else's by now: pg_ctl
# would take that for our server, and stop it. Ours works in DATA.
forget_stale_pid() {
	local pid
	pid=$(as_pg head -n 1 "$DATA/postmaster.pid" 2>/dev/null || true)
	if [ -n "$pid" ] && [ "$(as_pg readlink "/proc/$pid/cwd")" != "$DATA" ]; then
		as_pg rm -f "$DATA/postmaster.pid" "$SOCKET/.s.PGSQL.$PORT.lock" "$SOCKET/.s.PGSQL.$PORT"
	fi
}

# Starts the server in DATA, which is made if need be. Settings of the project's own are in
# $DATA/tarot.conf, written anew each time, and those of SERVER_SETTINGS; postgresql.conf stays for whoever uses the server.
server_start() {
	if [ ! -e "$DATA/PG_VERSION" ]; then
		as_pg rm -rf "$DATA.new"
		as_pg "$INST$PG_BIN/initdb" -D "$DATA.new" -U postgres --auth=trust --no-sync --encoding=UTF8 \
			--locale=C.UTF-8 </dev/null >"$DATA.initdb.log" 2>&1 || { cat "$DATA.initdb.log" >&2; return 1; }
		as_pg sh -c "echo \"include 'tarot.conf'\" >>'$DATA.new/postgresql.conf' && mv '$DATA.new' '$DATA'"
	fi
	as_pg mkdir -p "$SOCKET" 2>/dev/null || { mkdir -p "$SOCKET" && chown "$PG_USER:" "$SOCKET"; }
	[ "$(stat -c %U "$SOCKET")" = "$PG_USER" ] || die "$SOCKET belongs to someone else"
	as_pg tee "$DATA/tarot.conf" >/dev/null <<-CONF
		listen_addresses = ''
		port = $PORT
		unix_socket_directories = '$SOCKET'
		unix_socket_permissions = 0777
		shared_preload_libraries = 'tarot_security'
		fsync = off
		log_line_prefix = '%m [%p] %q%d '
		${SERVER_SETTINGS:-}
	CONF
	forget_stale_pid
	if ! as_pg "$INST$PG_BIN/pg_ctl" -D "$DATA" -l "$LOG" -w -t 60 start </dev/null >"$DATA.pg_ctl.log" 2>&1 9>&-
	then
		cat "$DATA.pg_ctl.log" >&2
		as_pg tail -n 30 "$LOG" >&2
		return 1
	fi
}

server_stop() {
	forget_stale_pid
	[ ! -e "$DATA/postmaster.pid" ] ||
		as_pg "$INST$PG_BIN/pg_ctl" -D "$DATA" -m fast -w -t 60 stop </dev/null >/dev/null 2>&1
}
