/*
 * provider.c
 *		Where root keys come from: a command, a file, or a file of our own.
 */
#include "postgres.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/guc.h"

#include "base/secret.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "keys/provider.h"

/* In the data directory, which is the server's working directory. */
#define GENERATED_FILE "tarot_security.root_key"

/* Eight keys with comments fit many times over. */
#define MATERIAL_MAX 4096

#define HKDF_INFO_FINGERPRINT "tarot_security v1 fingerprint"

/*
 * A command of the operating system that prints the root key, so any key
 * management service's own client fits: for instance
 * 'vault kv get -field=root_key secret/tarot'. Runs as the server's user, at
 * server start and in tarot.unlock(). Empty: no command.
 */
static char *root_key_command;

/*
 * A file that holds the root key, readable by the server's user alone. Best on
 * another disk than the data, or in memory. Empty, and no command either: a
 * file is generated in the data directory, which protects dumps but not a
 * stolen copy of the whole directory.
 */
static char *root_key_file;

/* How long a command may take before it is ended and counts as failed. */
static int root_key_timeout;

void
ProviderInit(void)
{
	DefineCustomStringVariable(
		"tarot_security.root_key_command", "Command that prints the root key.",
		"Run by a shell as the server's user, at server start and in "
		"tarot.unlock(). Excludes tarot_security.root_key_file.",
		&root_key_command, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("tarot_security.root_key_file", "File that holds the root key.",
							   "Must belong to the server's user and be readable by nobody else, "
							   "or belong to root and be readable by its group at most. Excludes "
							   "tarot_security.root_key_command.",
							   &root_key_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL,
							   NULL);
	DefineCustomIntVariable("tarot_security.root_key_timeout",
							"How long the root key command may take.", NULL, &root_key_timeout,
							10000, 100, 300000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
}

static bool
failed(char problem[PROBLEM_SIZE], const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool
failed(char problem[PROBLEM_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem, PROBLEM_SIZE, format, args);
	va_end(args);
	return false;
}

bool
ProviderSelect(RootKeyProvider *provider, char problem[PROBLEM_SIZE])
{
	bool command = root_key_command != NULL && root_key_command[0] != '\0';
	bool file = root_key_file != NULL && root_key_file[0] != '\0';

	if (command && file)
		return failed(problem, "both tarot_security.root_key_command and "
							   "tarot_security.root_key_file are set");
	*provider = command ? ROOT_KEY_FROM_COMMAND : file ? ROOT_KEY_FROM_FILE : ROOT_KEY_GENERATED;
	return true;
}

const char *
ProviderName(RootKeyProvider provider)
{
	static const char *const names[] = {"command", "file", "generated"};

	return names[provider];
}

/* ---------------------------------------------------------------- the text of keys */

static bool
parse_key(Bytes text, uint8_t key[ROOT_KEY_SIZE])
{
	uint8_t decoded[ROOT_KEY_SIZE + 2];
	uint8_t nibbles[2 * ROOT_KEY_SIZE];
	size_t size;
	bool ok = false;

	if (text.len == 2 * ROOT_KEY_SIZE)
	{
		ok = true;
		for (size_t i = 0; i < text.len; i++)
		{
			unsigned char c = text.data[i];

			if (c >= '0' && c <= '9')
				nibbles[i] = c - '0';
			else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
				nibbles[i] = (c | 0x20) - 'a' + 10;
			else
				ok = false;
		}
		for (size_t i = 0; ok && i < ROOT_KEY_SIZE; i++)
			key[i] = (uint8_t) (nibbles[2 * i] << 4 | nibbles[2 * i + 1]);
	}
	else if (text.len == 43 || (text.len == 44 && text.data[43] == '='))
	{
		char url[43];

		/* Both alphabets of RFC 4648 are in use for keys. */
		for (int i = 0; i < 43; i++)
			url[i] = text.data[i] == '+' ? '-' : text.data[i] == '/' ? '_' : (char) text.data[i];
		ok = base64url_decode(bytes_view(url, 43), decoded, &size) && size == ROOT_KEY_SIZE;
		if (ok)
			memcpy(key, decoded, ROOT_KEY_SIZE);
		secret_wipe(url, sizeof(url));
	}
	secret_wipe(decoded, sizeof(decoded));
	secret_wipe(nibbles, sizeof(nibbles));
	return ok;
}

static bool
fingerprint(RootKey *key)
{
	return hkdf_sha256(bytes_view(key->key, ROOT_KEY_SIZE), bytes_view(NULL, 0),
					   bytes_of_string(HKDF_INFO_FINGERPRINT), key->fingerprint,
					   ROOT_KEY_FINGERPRINT_SIZE) == CRYPTO_OK;
}

/* One key a line; empty lines and lines beginning with # do not count. */
static bool
parse_keys(Bytes text, const char *source, RootKeySet *keys, char problem[PROBLEM_SIZE])
{
	size_t at = 0;
	int line = 0;

	keys->count = 0;
	while (at < text.len)
	{
		const uint8_t *start = text.data + at;
		const uint8_t *newline = memchr(start, '\n', text.len - at);
		size_t size = newline != NULL ? (size_t) (newline - start) : text.len - at;
		RootKey *key;

		line++;
		at += size + 1;
		while (size > 0 &&
			   (start[size - 1] == '\r' || start[size - 1] == ' ' || start[size - 1] == '\t'))
			size--;
		if (size == 0 || start[0] == '#')
			continue;
		if (keys->count == ROOT_KEYS_MAX)
			return failed(problem, "%s holds more than %d root keys", source, ROOT_KEYS_MAX);

		key = &keys->keys[keys->count];
		if (!parse_key(bytes_view(start, size), key->key))
			return failed(problem,
						  "%s: line %d is not a root key of 256 bits, written as 64 hexadecimal "
						  "digits or in base64",
						  source, line);

		/* An empty variable or a placeholder, most likely. */
		bool same = true;

		for (int i = 1; i < ROOT_KEY_SIZE; i++)
			same = same && key->key[i] == key->key[0];
		if (same)
			return failed(problem, "%s: line %d is no random key: all its bytes are the same",
						  source, line);
		if (!fingerprint(key))
			return failed(problem, "%s: the fingerprint cannot be computed", source);
		keys->count++;
	}
	if (keys->count == 0)
		return failed(problem, "%s holds no root key", source);
	return true;
}

/* ---------------------------------------------------------------- files */

static bool
read_file(const char *path, uint8_t *material, size_t *size, char problem[PROBLEM_SIZE],
		  bool *missing)
{
	struct stat status;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got = 0;
	bool ok = false;

	*missing = file < 0 && errno == ENOENT;
	if (file < 0)
		return failed(problem, "cannot open root key file \"%s\": %s", path, strerror(errno));

	/* The file that was opened is the one that is judged, not its name. */
	if (fstat(file, &status) != 0)
		failed(problem, "cannot examine root key file \"%s\": %s", path, strerror(errno));
	else if (!S_ISREG(status.st_mode))
		failed(problem, "root key file \"%s\" is not a regular file", path);
	else if (status.st_uid != geteuid() && status.st_uid != 0)
		failed(problem, "root key file \"%s\" must belong to the server's user or root", path);
	else if ((status.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) != 0 ||
			 ((status.st_mode & S_IRGRP) != 0 && status.st_uid != 0))
		failed(problem,
			   "root key file \"%s\" has group or world access; permissions must be u=rw (0600) "
			   "or less, or u=rw,g=r (0640) or less if it belongs to root",
			   path);
	else
	{
		*size = 0;
		while (*size < MATERIAL_MAX &&
			   (got = read(file, material + *size, MATERIAL_MAX - *size)) > 0)
			*size += (size_t) got;
		if (got < 0)
			failed(problem, "cannot read root key file \"%s\": %s", path, strerror(errno));
		else if (*size == MATERIAL_MAX)
			failed(problem, "root key file \"%s\" is too long", path);
		else
			ok = true;
	}
	close(file);
	return ok;
}

static bool
write_generated_file(const RootKeySet *keys, char problem[PROBLEM_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	static const char temporary[] = GENERATED_FILE ".tmp";
	static const char comment[] = "# Root keys of tarot_security, the current one first. Without "
								  "them no encrypted value can be read.\n";
	uint8_t *text = secret_alloc(MATERIAL_MAX);
	size_t size = sizeof(comment) - 1;
	int file;
	bool ok;

	if (text == NULL)
		return failed(problem, "out of memory");
	memcpy(text, comment, size);
	for (int i = 0; i < keys->count; i++)
	{
		for (int j = 0; j < ROOT_KEY_SIZE; j++)
		{
			text[size++] = (uint8_t) hex[keys->keys[i].key[j] >> 4];
			text[size++] = (uint8_t) hex[keys->keys[i].key[j] & 15];
		}
		text[size++] = '\n';
	}

	/* Left by a crash, if there: nobody else writes this name, a lock is held. */
	unlink(temporary);
	file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	ok = file >= 0 && write(file, text, size) == (ssize_t) size;
	secret_free(text);
	if (!ok)
		failed(problem, "cannot write \"%s\": %s", temporary, strerror(errno));
	if (file >= 0 && close(file) != 0 && ok)
		ok = failed(problem, "cannot write \"%s\": %s", temporary, strerror(errno));

	/* Flushes the file, renames it, flushes the directory. */
	if (ok && durable_rename(temporary, GENERATED_FILE, LOG) != 0)
		ok = failed(problem, "cannot rename \"%s\" to \"%s\"", temporary, GENERATED_FILE);
	if (!ok)
		unlink(temporary);
	return ok;
}

/* ---------------------------------------------------------------- the command */

typedef struct Deadline
{
	instr_time start;
} Deadline;

static int
milliseconds_left(const Deadline *deadline)
{
	instr_time passed;

	INSTR_TIME_SET_CURRENT(passed);
	INSTR_TIME_SUBTRACT(passed, deadline->start);
	return root_key_timeout - (int) INSTR_TIME_GET_MILLISEC(passed);
}

static void
check_interrupts(void)
{
	/* The postmaster has no transaction to cancel. */
	if (IsUnderPostmaster)
		CHECK_FOR_INTERRUPTS();
}

static pid_t
start_command(int *output, char problem[PROBLEM_SIZE])
{
	int ends[2];
	char *arguments[] = {"sh", "-c", root_key_command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t all;
	pid_t child = -1;
	int error;

	if (pipe2(ends, O_CLOEXEC) != 0)
	{
		failed(problem, "cannot create a pipe: %s", strerror(errno));
		return -1;
	}

	/* A group of its own, to be ended as a whole; the signals as a shell expects them. */
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
											  POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);

	error = posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (error != 0)
	{
		close(ends[0]);
		failed(problem, "cannot run tarot_security.root_key_command: %s", strerror(error));
		return -1;
	}
	*output = ends[0];
	return child;
}

/* Reads all output. False when it is too much or too late. */
static bool
read_output(int output, const Deadline *deadline, uint8_t *material, size_t *size,
			char problem[PROBLEM_SIZE])
{
	struct pollfd wanted = {.fd = output, .events = POLLIN};

	*size = 0;
	for (;;)
	{
		int left = milliseconds_left(deadline);
		ssize_t got;

		check_interrupts();
		if (left <= 0)
			return failed(problem, "tarot_security.root_key_command took longer than %d ms",
						  root_key_timeout);
		if (poll(&wanted, 1, Min(left, 1000)) <= 0)
			continue;
		got = read(output, material + *size, MATERIAL_MAX - *size);
		if (got == 0)
			return true;
		if (got < 0 && errno != EINTR)
			return failed(problem, "cannot read from tarot_security.root_key_command: %s",
						  strerror(errno));
		if (got > 0)
			*size += (size_t) got;
		if (*size == MATERIAL_MAX)
			return failed(problem, "tarot_security.root_key_command printed too much");
	}
}

/* Waits for the end, and ends it if it must. True only for a clean exit. */
static bool
end_command(pid_t child, const Deadline *deadline, bool wait, char problem[PROBLEM_SIZE])
{
	siginfo_t info = {0};
	int status = 0;
	bool ended;

	/*
	 * Its output is closed: what is left is to exit, a matter of moments. It
	 * is not reaped yet, so that its group cannot be another's.
	 */
	while (wait && waitid(P_PID, (id_t) child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		   info.si_pid == 0 && milliseconds_left(deadline) > 0)
		poll(NULL, 0, 5);
	ended = info.si_pid == child;

	/* Nothing that it started in the background stays behind either. */
	kill(-child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;

	if (!wait)
		return false; /* whoever did not want to wait knows the problem */
	if (!ended)
		failed(problem, "tarot_security.root_key_command took longer than %d ms", root_key_timeout);
	else if (WIFEXITED(status))
		failed(problem, "tarot_security.root_key_command failed with exit code %d",
			   WEXITSTATUS(status));
	else
		failed(problem, "tarot_security.root_key_command was ended by signal %d", WTERMSIG(status));
	return false;
}

/* Ends the command where it is not waited for, whatever it does. */
static void
kill_command(int code, Datum child)
{
	int status;

	(void) code;
	kill(-DatumGetInt32(child), SIGKILL);
	while (waitpid(DatumGetInt32(child), &status, 0) < 0 && errno == EINTR)
		;
}

static bool
run_command(uint8_t *material, size_t *size, char problem[PROBLEM_SIZE])
{
	Deadline deadline;
	int output;
	pid_t child;
	volatile bool read = false;

	INSTR_TIME_SET_CURRENT(deadline.start);
	child = start_command(&output, problem);
	if (child < 0)
		return false;

	if (IsUnderPostmaster)
	{
		PG_TRY();
		{
			/* Also when the session is terminated, which no PG_CATCH sees: no process stays behind.
			 */
			PG_ENSURE_ERROR_CLEANUP(kill_command, Int32GetDatum(child));
			{
				read = read_output(output, &deadline, material, size, problem);
			}
			PG_END_ENSURE_ERROR_CLEANUP(kill_command, Int32GetDatum(child));
		}
		PG_CATCH();
		{
			close(output);
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
	else
		read = read_output(output, &deadline, material, size, problem);
	close(output);
	return end_command(child, &deadline, read, problem) && read;
}

/* ---------------------------------------------------------------- all together */

static bool
read_material(RootKeyProvider provider, RootKeySet *keys, uint8_t *material,
			  char problem[PROBLEM_SIZE])
{
	size_t size;
	bool missing = false;

	switch (provider)
	{
		case ROOT_KEY_FROM_COMMAND:
			return run_command(material, &size, problem) &&
				   parse_keys(bytes_view(material, size), "tarot_security.root_key_command", keys,
							  problem);
		case ROOT_KEY_FROM_FILE:
			return read_file(root_key_file, material, &size, problem, &missing) &&
				   parse_keys(bytes_view(material, size), root_key_file, keys, problem);
		case ROOT_KEY_GENERATED:
			if (!read_file(GENERATED_FILE, material, &size, problem, &missing))
				return missing;
			return parse_keys(bytes_view(material, size), GENERATED_FILE, keys, problem);
	}
	return false;
}

bool
ProviderRead(RootKeySet *keys, char problem[PROBLEM_SIZE])
{
	RootKeyProvider provider;
	uint8_t *volatile material;
	volatile bool ok = false;

	keys->count = 0;
	if (!ProviderSelect(&provider, problem))
		return false;
	if ((material = secret_alloc(MATERIAL_MAX)) == NULL)
		return failed(problem, "out of memory");

	if (!IsUnderPostmaster)
		ok = read_material(provider, keys, material, problem);
	else
	{
		PG_TRY();
		{
			ok = read_material(provider, keys, material, problem);
		}
		PG_FINALLY();
		{
			secret_free(material);
			material = NULL;
		}
		PG_END_TRY();
	}
	secret_free(material);
	return ok;
}

bool
ProviderGenerate(RootKeySet *keys, char problem[PROBLEM_SIZE])
{
	if (keys->count == ROOT_KEYS_MAX)
		return failed(problem,
					  "\"%s\" holds %d root keys already; remove those that no database uses",
					  GENERATED_FILE, ROOT_KEYS_MAX);
	memmove(&keys->keys[1], &keys->keys[0], keys->count * sizeof(RootKey));
	keys->count++;
	randombytes_buf(keys->keys[0].key, ROOT_KEY_SIZE);
	if (!fingerprint(&keys->keys[0]))
		return failed(problem, "the fingerprint of a new root key cannot be computed");
	return write_generated_file(keys, problem);
}
