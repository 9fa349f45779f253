/* Many rounds of fork, exec, faults, pipes and deaths leave exactly as much memory free as before. */
#include "test.h"

static void die(void) { *(volatile int *)0 = 1; }

static void round(void)
{
    char output[16], *echo[] = { "/bin/echo", "x", 0 };
    check(run(output, sizeof output, echo) == 0, "echo failed");
    check(status_of(die) == STATUS_KILLED(SIGSEGV), "the child should die");
    char *heap = sbrk(64 * 4096);
    memset(heap, 1, 64 * 4096);
    sbrk(-64 * 4096);
    int ends[2];
    pipe_checked(ends);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    round(); /* touches this process's own pages */
    int before = free_memory();
    for (int i = 0; i < 40; i++)
        round();
    check(free_memory() == before, "memory leaks");
    return 0;
}
