/* Endless recursion ends in SIGSEGV, even with a handler: there is no stack left to run it on. */
#include "test.h"

static volatile int zero;

static int descend(int depth)
{
    volatile int frame[64];
    frame[zero] = depth;
    return zero ? 0 : descend(depth + 1) + frame[zero];
}

static void overflow(void) { descend(0); }
static void handler(int number, struct signal_context *context) { exit(9); }
static void overflow_handled(void)
{
    signal(SIGSEGV, handler);
    descend(0);
}

int main(void)
{
    check(status_of(overflow) == STATUS_KILLED(SIGSEGV), "a stack overflow should kill");
    check(status_of(overflow_handled) == STATUS_KILLED(SIGSEGV), "a handler without stack should kill");
    return 0;
}
