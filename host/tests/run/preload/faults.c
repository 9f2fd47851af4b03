/* Lets system calls on files below a folder fail, for the tests of a run's writers.
 *
 * FAULT_FOLDER  files below it count
 * FAULT_COUNT   a file of eight bytes that all processes count their calls in
 * FAULT_AT      the number of the call that fails, from 1 on; none with 0
 * FAULT_KIND    "EIO", "ENOSPC" (for eight further calls too) or "short": half of the bytes are written
 *
 * With FAULT_CLOCK set, the clock on the wall jumps by ten days between any two looks at it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum fault { NONE, FAIL, HALF };

static int is_below(const char *path) {
    const char *folder = getenv("FAULT_FOLDER");
    return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_below_fd(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_below(path);
}

static uint64_t *counter(void) {
    static uint64_t *shared;
    if (!shared) {
        const char *path = getenv("FAULT_COUNT");
        int fd = path ? open(path, O_RDWR) : -1;
        if (fd < 0)
            return NULL;
        void *place = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (place == MAP_FAILED)
            return NULL;
        shared = place;
    }
    return shared;
}

/* What is to become of this call, which is counted. */
static enum fault next(void) {
    uint64_t *count = counter();
    const char *at = getenv("FAULT_AT"), *kind = getenv("FAULT_KIND");
    if (!count || !at || !kind)
        return NONE;
    uint64_t own = __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST), wanted = strtoull(at, NULL, 10);
    if (strcmp(kind, "short") == 0 && own == wanted)
        return HALF;
    /* A disk that is full stays so for a while, a fault of the medium is over at once. */
    uint64_t last = strcmp(kind, "EIO") == 0 ? wanted : wanted + 8;
    if (wanted == 0 || own < wanted || own > last)
        return NONE;
    errno = strcmp(kind, "EIO") == 0 ? EIO : ENOSPC;
    return FAIL;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t length) {
    if (is_below_fd(fd)) {
        enum fault fault = next();
        if (fault == FAIL)
            return -1;
        if (fault == HALF && length > 1)
            length /= 2;
    }
    return REAL(write)(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (is_below_fd(fd)) {
        enum fault fault = next();
        if (fault == FAIL)
            return -1;
        if (fault == HALF && count > 1)
            count /= 2;
    }
    return REAL(writev)(fd, parts, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    if (is_below_fd(fd) && next() == FAIL)
        return -1;
    return REAL(pwrite64)(fd, bytes, length, at);
}

int fsync(int fd) {
    if (is_below_fd(fd) && next() == FAIL)
        return -1;
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    if (is_below_fd(fd) && next() == FAIL)
        return -1;
    return REAL(fdatasync)(fd);
}

int ftruncate64(int fd, off64_t length) {
    if (is_below_fd(fd) && next() == FAIL)
        return -1;
    return REAL(ftruncate64)(fd, length);
}

int rename(const char *from, const char *to) {
    if (is_below(to) && next() == FAIL)
        return -1;
    return REAL(rename)(from, to);
}

int open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        __builtin_va_list rest;
        __builtin_va_start(rest, flags);
        mode = __builtin_va_arg(rest, mode_t);
        __builtin_va_end(rest);
    }
    if ((flags & O_CREAT) && is_below(path) && next() == FAIL)
        return -1;
    return REAL(open64)(path, flags, mode);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static unsigned looks;
    int result = REAL(clock_gettime)(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && getenv("FAULT_CLOCK")) {
        unsigned look = __atomic_add_fetch(&looks, 1, __ATOMIC_SEQ_CST);
        time->tv_sec += (look % 2 ? 1 : -1) * 10 * 24 * 3600;
    }
    return result;
}
