/*
 * Holds the gate of the batch reader against plain searching, on random literals and texts, feeds
 * random wishes and places to the reader, and reads a journal file (the argument, which it
 * destroys) with random bytes in it. Compiled with -fsanitize=address,undefined by batch.test.ts;
 * ends with 0 when all is well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../native/batch/batch.h"
#include "../../native/batch/bytes.h"

#define LITERALS 8u
#define LITERAL_BYTES 300u
#define TEXT_BYTES 400u

static uint64_t state = 88172645463325252u;

/* Not abort(3): that is how libsystemd ends where a damaged file breaks an assertion of its own. */
static _Noreturn void wrong(int line) {
        fprintf(stderr, "batch-fuzz.c:%d\n", line);
        _exit(3);
}

/* Xorshift: the same numbers in every run. */
static uint32_t random_below(uint32_t bound) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (uint32_t) (state >> 32) % bound;
}

static void fill(uint8_t *bytes, size_t length, uint32_t alphabet) {
        for (size_t i = 0; i < length; i++)
                bytes[i] = (uint8_t) ('a' + random_below(alphabet));
}

/* An exact heap copy, so that one byte past its end is an error. */
static uint8_t *exact(const uint8_t *bytes, size_t length) {
        uint8_t *copy = malloc(length ? length : 1);
        if (!copy)
                wrong(__LINE__);
        memcpy(copy, bytes, length);
        return copy;
}

static int check_gate(void) {
        uint8_t list[4 + LITERALS * (12 + LITERAL_BYTES)], literals[LITERALS][LITERAL_BYTES], text[TEXT_BYTES];
        uint32_t lengths[LITERALS], count = random_below(LITERALS + 1), alphabet = 1 + random_below(4);
        uint32_t longest = random_below(20) == 0 ? LITERAL_BYTES : 1 + random_below(6);
        size_t at = 4, used = 0, length = random_below(TEXT_BYTES + 1);
        uint64_t expected = 0;
        put32(list, count);
        fill(text, length, alphabet);
        for (uint32_t i = 0; i < count; i++) {
                lengths[i] = 1 + random_below(longest);
                fill(literals[i], lengths[i], alphabet);
                put32(list + at, lengths[i]);
                memcpy(list + at + 4, literals[i], lengths[i]);
                put32(list + at + 4 + lengths[i], 1u << i);
                put32(list + at + 8 + lengths[i], 1u << random_below(32));
                if (memmem(text, length, literals[i], lengths[i])) {
                        struct cursor marks = { list + at + 4 + lengths[i], 8 };
                        uint64_t own = 0;
                        take64(&marks, &own);
                        expected |= own;
                }
                at += 12 + lengths[i];
        }
        uint8_t *own_list = exact(list, at), *own_text = exact(text, length);
        struct banjour_gate *gate = banjour_gate_new(own_list, at, &used);
        int good = gate && used == at && banjour_gate_test(gate, own_text, length) == expected;
        banjour_gate_free(gate);
        free(own_list);
        free(own_text);
        return good;
}

/* Wishes and places of random numbers and lengths: refused or taken, never read past their end. */
static void try_wishes(void) {
        uint8_t wishes[200];
        size_t length = random_below(sizeof(wishes) + 1);
        for (size_t i = 0; i < length; i++)
                wishes[i] = (uint8_t) (random_below(3) ? 0 : random_below(random_below(2) ? 256 : 20));
        uint8_t *own = exact(wishes, length);
        banjour_reader_free(banjour_reader_new(own, length));
        free(own);
}

/*
 * The wishes of read_file: _PID wanted, of texts with an x or of all, of the entries of some
 * processes.
 */
static size_t put_wishes(uint8_t *wishes) {
        static const char routes[] = "\1\0\0\0\0\0\0\0\2\0\0\0\2\0\0\0\6\0\0\0_PID=1\6\0\0\0_PID=2\1\0\0\0\6\0\0\0_PID=3";
        const uint32_t numbers[] = { 300, 100, 40, 200, 1024, 3, random_below(2), 1, 1 };
        size_t at = 0;
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++, at += 4)
                put32(wishes + at, numbers[i]);
        wishes[at++] = 'x';
        put32(wishes + at, 1);
        put32(wishes + at + 4, 0);
        put32(wishes + at + 8, 1);
        put32(wishes + at + 12, 4);
        memcpy(wishes + at + 16, "_PID", 4);
        /* Of the entry or of its origin. */
        put32(wishes + at + 20, random_below(2));
        memcpy(wishes + at + 24, routes, sizeof(routes) - 1);
        /* Sometimes without routes. */
        if (random_below(2) == 0) {
                put32(wishes + at + 24, 0);
                return at + 28;
        }
        return at + 24 + sizeof(routes) - 1;
}

static size_t put_text(uint8_t *at, const char *text) {
        put32(at, (uint32_t) strlen(text));
        memcpy(at + 4, text, strlen(text));
        return 4 + strlen(text);
}

/*
 * Reads what stands behind the journal's entry with the thread that reads ahead, now and then not
 * to the end.
 */
static void read_ahead(const char *path, sd_journal *journal, const uint8_t *wishes, size_t length, size_t size) {
        uint8_t place[2000] = { 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0 };
        size_t at = 16;
        char *cursor = NULL;
        struct banjour_chunk chunk;
        if (sd_journal_get_cursor(journal, &cursor) < 0)
                return;
        at += put_text(place + at, path);
        /* One group without terms. */
        put32(place + at, 8);
        put32(place + at + 4, 1);
        put32(place + at + 8, 0);
        at += 12;
        at += put_text(place + at, cursor);
        memset(place + at, random_below(5) ? 255 : 0, 8);
        memset(place + at + 8, random_below(5) ? 0 : 255, 8);
        uint8_t *own = exact(place, at + 16), *memory = malloc(BANJOUR_AHEAD_CHUNKS * size);
        struct banjour_ahead *ahead = memory ? banjour_ahead_new(wishes, length, own, at + 16, 7, memory, size) : NULL;
        if (!ahead)
                wrong(__LINE__);
        while (random_below(40) && banjour_ahead_take(ahead, &chunk) > 0) {
                if (chunk.index >= BANJOUR_AHEAD_CHUNKS || chunk.counts.used > size)
                        wrong(__LINE__);
                /* All of it is there to be read. */
                for (uint32_t i = 0; i < chunk.counts.used; i++)
                        state += memory[chunk.index * size + i];
        }
        banjour_ahead_free(ahead);
        /* A place that is cut short is refused. */
        if (banjour_ahead_new(wishes, length, own, at + 7, 7, memory, size))
                wrong(__LINE__);
        free(memory);
        free(own);
        free(cursor);
}

/*
 * Reads the file to its end in batches; whatever is in it, no byte beyond the buffer may be
 * touched.
 */
static uint32_t read_file(const char *path) {
        uint8_t wishes[200];
        uint32_t read = 0;
        struct banjour_counts counts = { .more = 1 };
        sd_journal *journal;
        size_t length = put_wishes(wishes);
        uint8_t *own = exact(wishes, length);
        struct banjour_reader *reader = banjour_reader_new(own, length);
        if (!reader)
                wrong(__LINE__);
        size_t size = banjour_record_max(reader) + random_below(2000);
        uint8_t *buffer = malloc(size);
        if (!buffer)
                wrong(__LINE__);
        if (sd_journal_open_files(&journal, (const char *[]) { path, NULL }, 0) >= 0) {
                for (uint32_t calls = 0; counts.more && calls < 1000; calls++) {
                        if (banjour_read(reader, journal, 50, 0, buffer, size, &counts) < 0)
                                break;
                        if (counts.used > size)
                                wrong(__LINE__);
                        read += counts.read;
                }
                if (sd_journal_seek_head(journal) >= 0 && sd_journal_next(journal) > 0)
                        read_ahead(path, journal, own, length, size);
                sd_journal_close(journal);
        }
        free(buffer);
        free(own);
        banjour_reader_free(reader);
        return read;
}

/* Reads a damaged file in a process of its own. 0 when something is wrong besides the file. */
static int read_apart(const char *path, int round) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
                state += (uint64_t) round * 0x9e3779b97f4a7c15u;
                read_file(path);
                _exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                return 0;
        return WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) == 0;
}

static int fuzz_file(const char *path) {
        int file = open(path, O_RDWR | O_CLOEXEC);
        struct stat status;
        uint32_t whole = read_file(path);
        if (file < 0 || fstat(file, &status) < 0 || whole == 0)
                return 0;
        for (int round = 0; round < 300; round++) {
                uint8_t before[4], after[4];
                /*
                 * tail_object_offset of the file header (systemd.io, "Journal File Format"): data
                 * stands before it.
                 */
                uint64_t tail = 0;
                if (pread(file, &tail, sizeof(tail), 136) != sizeof(tail))
                        return 0;
                off_t at = (off_t) random_below((uint32_t) status.st_size - 4);
                if (round % 4 && tail > 100000 && tail < (uint64_t) status.st_size)
                        at = (off_t) (tail - random_below(100000));
                fill(after, sizeof(after), 26);
                if (pread(file, before, 4, at) != 4 || pwrite(file, after, 4, at) != 4)
                        return 0;
                if (!read_apart(path, round))
                        return 0;
                /* Every other wound stays, so that they add up. */
                if (round % 2 && pwrite(file, before, 4, at) != 4)
                        return 0;
        }
        close(file);
        return 1;
}

int main(int argc, char **argv) {
        for (int i = 0; i < 30000; i++) {
                try_wishes();
                if (i % 10 == 0 && !check_gate()) {
                        fprintf(stderr, "the gate is wrong in round %d\n", i);
                        return 1;
                }
        }
        if (argc > 1 && !fuzz_file(argv[1])) {
                fprintf(stderr, "the damaged journal file was not read well\n");
                return 1;
        }
        printf("well\n");
        return 0;
}
