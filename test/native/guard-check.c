/*
 * Holds the guard against calls that abort, fault or come back. Compiled by guard.test.ts; ends
 * with 0 when all is well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../native/batch/guard.h"

#define CHECK(condition)                                              \
        do {                                                          \
                if (!(condition)) {                                   \
                        printf("guard-check.c:%d: %s\n", __LINE__, #condition); \
                        fflush(stdout);                               \
                        _exit(3);                                     \
                }                                                     \
        } while (0)

static int back(void *argument) {
        return *(int *) argument;
}

static int aborts(void *argument) {
        (void) argument;
        abort();
}

/* Reads behind the end of a mapped file. */
static int faults(void *argument) {
        return *(volatile char *) argument;
}

static char *cut_file(void) {
        char path[] = "/tmp/guard-XXXXXX";
        int file = mkstemp(path);
        CHECK(file >= 0 && unlink(path) == 0 && ftruncate(file, 4096) == 0);
        char *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
        CHECK(mapped != MAP_FAILED && ftruncate(file, 0) == 0);
        close(file);
        return mapped;
}

/* The signal that ends a process that does this. */
static int death_of(int (*call)(void *), void *argument, int is_guarded) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
                if (is_guarded)
                        banjour_guarded(call, argument);
                else
                        call(argument);
                _exit(0);
        }
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void *in_thread(void *mapped) {
        CHECK(banjour_guarded(aborts, NULL) == BANJOUR_ABORTED);
        CHECK(banjour_guarded(faults, mapped) == BANJOUR_ABORTED);
        return NULL;
}

int main(void) {
        int value = -7;
        char *mapped = cut_file();
        pthread_t thread;
        sigset_t all;
        CHECK(banjour_guarded(back, &value) == -7);
        /* Outside of a guarded call everything ends as ever, also after the handlers are there. */
        CHECK(death_of(aborts, NULL, 0) == SIGABRT);
        CHECK(death_of(faults, mapped, 0) == SIGBUS);
        /* In a thread that takes no other signals, as the one that reads ahead. */
        sigfillset(&all);
        sigdelset(&all, SIGABRT);
        sigdelset(&all, SIGBUS);
        CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
        CHECK(pthread_create(&thread, NULL, in_thread, mapped) == 0 && pthread_join(thread, NULL) == 0);
        for (unsigned count = 2; count < BANJOUR_LANDINGS_MAX; count++)
                CHECK(banjour_guarded(count % 2 ? aborts : faults, mapped) == BANJOUR_ABORTED);
        CHECK(banjour_guarded(back, &value) == -7);
        CHECK(death_of(aborts, NULL, 1) == SIGABRT);
        CHECK(death_of(faults, mapped, 1) == SIGBUS);
        printf("well\n");
        return 0;
}
