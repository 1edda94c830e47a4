/*
 * Preloaded: what is read from or written to a ledger fails with EIO while the file that
 * BROKEN_DISK names is there (its content says what: r, w, or both); with s, whoever waits until
 * the disk has what was written waits as long, and the file with .waits behind its name is made.
 * Compiled by unsaved.test.ts.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_broken(int fd, char how) {
        char link[64], path[4096], kinds[4] = "";
        const char *trigger = getenv("BROKEN_DISK");
        FILE *file = trigger ? fopen(trigger, "re") : NULL;
        if (!file)
                return 0;
        size_t read = fread(kinds, 1, sizeof(kinds) - 1, file);
        fclose(file);
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof(path) - 1);
        if (read == 0 || length < 0 || !strchr(kinds, how))
                return 0;
        path[length] = 0;
        return strstr(path, "ledger.sqlite3") != NULL && strstr(path, ".lock") == NULL;
}

static int is_broken_sync(int fd) {
        char waits[4096];
        if (is_broken(fd, 's')) {
                snprintf(waits, sizeof(waits), "%s.waits", getenv("BROKEN_DISK"));
                close(creat(waits, 0644));
        }
        while (is_broken(fd, 's'))
                usleep(10000);
        return is_broken(fd, 'w');
}

#define BROKEN(name, result, condition, parameters, arguments)                              \
        result name parameters {                                                            \
                static result (*real) parameters;                                           \
                if (condition) {                                                            \
                        errno = EIO;                                                        \
                        return -1;                                                          \
                }                                                                           \
                if (!real)                                                                  \
                        *(void **) &real = dlsym(RTLD_NEXT, #name);                         \
                return real arguments;                                                      \
        }

BROKEN(pread64, ssize_t, is_broken(fd, 'r'), (int fd, void *buffer, size_t size, off64_t at), (fd, buffer, size, at))
BROKEN(pread, ssize_t, is_broken(fd, 'r'), (int fd, void *buffer, size_t size, off_t at), (fd, buffer, size, at))
BROKEN(pwrite64, ssize_t, is_broken(fd, 'w'), (int fd, const void *buffer, size_t size, off64_t at), (fd, buffer, size, at))
BROKEN(pwrite, ssize_t, is_broken(fd, 'w'), (int fd, const void *buffer, size_t size, off_t at), (fd, buffer, size, at))
BROKEN(fdatasync, int, is_broken_sync(fd), (int fd), (fd))
BROKEN(fsync, int, is_broken_sync(fd), (int fd), (fd))
