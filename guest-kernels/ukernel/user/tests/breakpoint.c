/* INT3 is a trap: the handler sees the next instruction's address and the program goes on there by itself. */
#include "test.h"

static int hits;
static uint32_t eip;
extern const char after_int3[];

static void hit(int number, struct signal_context *context)
{
    hits += number == SIGTRAP && context->trap == TRAP_BREAKPOINT;
    eip = context->eip;
}

__attribute__((noinline)) static void breakpoint(void) { __asm__ volatile("int3\n.globl after_int3\nafter_int3:" : : : "memory"); }

int main(void)
{
    signal(SIGTRAP, hit);
    breakpoint();
    check(hits == 1 && eip == (uint32_t)after_int3, "INT3 was not delivered");
    __asm__ volatile("int $3" : : : "memory");
    check(hits == 2, "INT 3 was not delivered");
    signal(SIGTRAP, 0);
    check(status_of(breakpoint) == STATUS_KILLED(SIGTRAP), "the parent sees the wrong status");
    return 0;
}
