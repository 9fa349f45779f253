/* Handlers run with the interrupted registers safe; a signal is blocked in its own handler; another may nest. */
#include "test.h"

static int depth, deepest, first, second;

static void on_second(int number, struct signal_context *context)
{
    second++;
    if (++depth > deepest)
        deepest = depth;
    depth--;
}

static void on_first(int number, struct signal_context *context)
{
    depth++;
    first++;
    if (first == 1) {
        kill(getpid(), SIGUSR1); /* waits until this handler returns */
        check(first == 1, "a signal interrupted its own handler");
        kill(getpid(), SIGUSR2);
        check(second == 1, "another signal should nest");
    }
    depth--;
}

int main(void)
{
    check(signal(SIGUSR1, on_first) == 0 && signal(SIGUSR1, on_first) == (int)on_first, "signal returns the old handler");
    signal(SIGUSR2, on_second);
    int ebx = 0x1B, esi = 0x51, edi = 0xD1, result, pid = getpid();
    __asm__ volatile("pushl %%ebx; movl %5, %%ebx; int $0x80; popl %%ebx"
                     : "=a"(result), "+S"(esi), "+D"(edi) : "a"(SYS_kill), "c"(SIGUSR1), "r"(pid) : "memory");
    check(result == 0 && ebx == 0x1B && esi == 0x51 && edi == 0xD1, "registers changed across a handler");
    check(first == 2 && second == 1 && deepest == 2 && depth == 0, "handlers ran in the wrong order");
    signal(SIGUSR1, 0);
    pid = fork_checked();
    if (pid == 0) {
        check(kill(getpid(), SIGUSR2) == 0 && second == 2, "fork should keep handlers");
        kill(getpid(), SIGUSR1);
        exit(0);
    }
    check(wait_for(pid) == STATUS_KILLED(SIGUSR1), "a signal without handler should kill");
    return 0;
}
