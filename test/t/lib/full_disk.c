/*
 * full_disk.c
 *		A disk that has no room for some tables.
 *
 * For LD_PRELOAD, by test/t/166_audit_faults.pl: a file whose path ends with what stands in
 * another file cannot become longer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int
has_room(int file, off_t end)
{
	char full[256] = {0};
	char path[4096] = {0};
	char link[64];
	struct stat status;
	const char *list = getenv("TAROT_TEST_FULL_DISK");
	int source = list ? open(list, O_RDONLY) : -1;
	ssize_t size;

	if (source < 0)
		return 1;
	size = read(source, full, sizeof(full) - 1);
	close(source);
	if (size <= 0)
		return 1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	if (readlink(link, path, sizeof(path) - 1) < 0 || strlen(path) < strlen(full) ||
		strcmp(path + strlen(path) - strlen(full), full) != 0)
		return 1;
	return fstat(file, &status) != 0 || end <= status.st_size;
}

static ssize_t
refuse(void)
{
	errno = ENOSPC;
	return -1;
}

ssize_t
pwrite64(int file, const void *bytes, size_t count, off_t offset)
{
	if (!has_room(file, offset + (off_t) count))
		return refuse();
	return syscall(SYS_pwrite64, file, bytes, count, offset);
}

ssize_t
pwrite(int file, const void *bytes, size_t count, off_t offset)
{
	return pwrite64(file, bytes, count, offset);
}

ssize_t
pwritev64(int file, const struct iovec *parts, int count, off_t offset)
{
	off_t end = offset;

	for (int i = 0; i < count; i++)
		end += (off_t) parts[i].iov_len;
	if (!has_room(file, end))
		return refuse();
	return syscall(SYS_pwritev, file, parts, count, offset, 0);
}

ssize_t
pwritev(int file, const struct iovec *parts, int count, off_t offset)
{
	return pwritev64(file, parts, count, offset);
}

int
posix_fallocate64(int file, off_t offset, off_t size)
{
	if (!has_room(file, offset + size))
		return ENOSPC;
	return syscall(SYS_fallocate, file, 0, offset, size) == 0 ? 0 : errno;
}

int
posix_fallocate(int file, off_t offset, off_t size)
{
	return posix_fallocate64(file, offset, size);
}
