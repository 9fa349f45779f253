/* What every test program uses: one check that fails means the line `FAILED: why` and exit code 1. */
#ifndef TEST_H
#define TEST_H
#include "user.h"

void fail(const char *why) __attribute__((noreturn));
#define check(condition, why) do { if (!(condition)) fail(why); } while (0)

/* Runs `function`; true when it raised an exception, which `caught` then describes. */
bool attempt(void (*function)(void));
extern struct signal_context caught;

/* Runs `function` in a child (which exits 0 after it) and returns the child's status. */
int status_of(void (*function)(void));
int wait_for(int pid);                  /* status of this child */
int fork_checked(void);
void pipe_checked(int descriptors[2]);
int read_fully(int descriptor, void *buffer, int count); /* bytes before end of file */
int run(char *output, int size, char *const argv[]);    /* runs a program, collects what it prints; its status */

enum { TRAP_DIVIDE = 0, TRAP_DEBUG = 1, TRAP_BREAKPOINT = 3, TRAP_OVERFLOW = 4, TRAP_BOUND = 5, TRAP_INVALID_OPCODE = 6,
       TRAP_GENERAL_PROTECTION = 13, TRAP_PAGE_FAULT = 14 };

#endif
