// Loaded before the C library: makes the disk of one folder full or read-only, as the
// system would, while a file of that name is in FAILING_DISK_STATE. It stands between a
// real server and a real disk, so it needs no privileges and no file system of its own.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int state(const char *name) {
  const char *folder = getenv("FAILING_DISK_STATE");
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder ? folder : "", name);
  return folder && access(path, F_OK) == 0;
}

static int ours(const char *path) {
  const char *folder = getenv("FAILING_DISK_FOLDER");
  return folder && strncmp(path, folder, strlen(folder)) == 0;
}

// The error of a write to this path, or 0.
static int fails(const char *path) {
  if (!ours(path)) return 0;
  return state("read-only") ? EROFS : state("full") ? ENOSPC : 0;
}

static int fails_at(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return fails(path);
}

// On a full disk, files without content can still be made.
static int refuses_open(const char *path, int flags) {
  int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT);
  return writes && fails(path) == EROFS;
}

#define OPEN(name)                                        \
  int name(const char *path, int flags, ...) {            \
    va_list rest;                                         \
    va_start(rest, flags);                                \
    mode_t mode = va_arg(rest, mode_t);                   \
    va_end(rest);                                         \
    if (refuses_open(path, flags)) return errno = EROFS, -1; \
    return REAL(name)(path, flags, mode);                 \
  }
OPEN(open)
OPEN(open64)

#define WRITE(name, parameters, ...)                 \
  ssize_t name parameters {                          \
    int error = fails_at(fd);                        \
    if (error) return errno = error, -1;             \
    return REAL(name)(__VA_ARGS__);                  \
  }
WRITE(write, (int fd, const void *bytes, size_t count), fd, bytes, count)
WRITE(writev, (int fd, const struct iovec *parts, int count), fd, parts, count)
WRITE(pwrite64, (int fd, const void *bytes, size_t count, off64_t at), fd, bytes, count, at)

int ftruncate64(int fd, off64_t length) {
  int error = fails_at(fd);
  if (error == EROFS) return errno = error, -1;
  return REAL(ftruncate64)(fd, length);
}

int rename(const char *from, const char *to) {
  if (fails(to) == EROFS) return errno = EROFS, -1;
  return REAL(rename)(from, to);
}

int unlink(const char *path) {
  if (fails(path) == EROFS) return errno = EROFS, -1;
  return REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode) {
  if (fails(path) == EROFS) return errno = EROFS, -1;
  return REAL(mkdir)(path, mode);
}

int statvfs(const char *path, struct statvfs *answer) {
  int result = REAL(statvfs)(path, answer);
  if (result == 0 && ours(path) && state("full")) answer->f_bavail = answer->f_bfree = 0;
  return result;
}
