/*
 * pause TID SECONDS: stops one thread of a process, and not the others, as SIGSTOP cannot; it goes
 * on afterwards.
 */
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  pid_t thread = atoi(argv[1]);
  if (ptrace(PTRACE_SEIZE, thread, 0, 0) != 0) return 1;
  if (ptrace(PTRACE_INTERRUPT, thread, 0, 0) != 0) return 1;
  if (waitpid(thread, NULL, __WALL) != thread) return 1;
  sleep((unsigned)atoi(argv[2]));
  return ptrace(PTRACE_DETACH, thread, 0, 0) == 0 ? 0 : 1;
}
