/* Division by zero and quotient overflow arrive as SIGFPE; a handler can skip the instruction, default is death. */
#include "test.h"

static int skipped;

static void skip(int number, struct signal_context *context)
{
    skipped += context->signal == SIGFPE && context->trap == TRAP_DIVIDE;
    context->eip += 2; /* divl %ecx */
    context->eax = 1234;
}

static uint32_t divide(uint32_t high, uint32_t low, uint32_t divisor)
{
    __asm__ volatile("divl %%ecx" : "+a"(low), "+d"(high) : "c"(divisor) : "memory");
    return low;
}

static void die(void) { divide(0, 1, 0); }

int main(void)
{
    signal(SIGFPE, skip);
    check(divide(0, 100, 7) == 14 && skipped == 0, "a good division failed");
    check(divide(0, 1, 0) == 1234 && skipped == 1, "division by zero was not delivered");
    check(divide(5, 0, 5) == 1234 && skipped == 2, "quotient overflow was not delivered");
    for (int i = 0; i < 500; i++)
        divide(0, i, 0);
    check(skipped == 502, "a signal was lost");
    signal(SIGFPE, 0);
    check(status_of(die) == STATUS_KILLED(SIGFPE), "the parent sees the wrong status");
    return 0;
}
