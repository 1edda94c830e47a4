/*
 * Writes entries into this machine's journal as a daemon does, and notes when. inject CGROUP COMM <
 * PLAN > TIMES: moves itself into the control group (so that journald stamps the entries with its
 * unit), then sends each line of the plan, "MICROSECONDS MESSAGE", as a syslog datagram when that
 * much time has passed since the start. Prints the time of each send, microseconds since 1970. The
 * start is announced on standard error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static long long micros(clockid_t clock) {
        struct timespec t;
        clock_gettime(clock, &t);
        return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static int enter(const char *group) {
        const char *roots[] = { "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
        int entered = 0;
        for (int i = 0; i < 3; i++) {
                char path[512];
                snprintf(path, sizeof(path), "%s/%s/cgroup.procs", roots[i], group);
                FILE *file = fopen(path, "w");
                if (!file)
                        continue;
                entered |= fputs("0", file) >= 0;
                entered &= fclose(file) == 0;
        }
        return entered;
}

int main(int argc, char **argv) {
        if (argc < 4 || !enter(argv[1])) {
                fprintf(stderr, "inject: cannot enter the control group\n");
                return 71;
        }
        prctl(PR_SET_NAME, argv[2], 0, 0, 0);
        int out = socket(AF_UNIX, SOCK_DGRAM, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/dev-log" };
        if (connect(out, (struct sockaddr *) &address, sizeof(address)) < 0)
                return 69;
        size_t count = 0, room = 0;
        char **lines = NULL;
        char *line = NULL;
        size_t size = 0;
        ssize_t length;
        while ((length = getline(&line, &size, stdin)) > 0) {
                if (line[length - 1] == '\n')
                        line[length - 1] = 0;
                if (count == room)
                        lines = realloc(lines, (room = room ? 2 * room : 1024) * sizeof(char *));
                lines[count++] = strdup(line);
        }
        long long *times = calloc(count + 1, sizeof(long long));
        long long start = micros(CLOCK_MONOTONIC);
        for (size_t i = 0; i < count; i++) {
                char *message;
                char text[4096];
                long long due = start + strtoll(lines[i], &message, 10);
                long long wait = due - micros(CLOCK_MONOTONIC);
                if (wait > 0) {
                        struct timespec t = { wait / 1000000, wait % 1000000 * 1000 };
                        nanosleep(&t, NULL);
                }
                int n = snprintf(text, sizeof(text), "<20>%s[%d]: %s", argv[3], (int) getpid(), message + 1);
                times[i] = micros(CLOCK_REALTIME);
                while (send(out, text, (size_t) n, 0) < 0)
                        if (errno != EINTR && errno != EAGAIN && errno != ENOBUFS) {
                                perror("inject");
                                return 74;
                        }
        }
        for (size_t i = 0; i < count; i++)
                printf("%lld\n", times[i]);
        return 0;
}
