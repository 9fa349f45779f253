/* With TF set every instruction traps once; the handler ends it at a label by clearing TF in the context. */
#include "test.h"

extern const char steps_end[];
static int steps, loads;

static void step(int number, struct signal_context *context)
{
    loads += context->trap == TRAP_DEBUG;
    steps++;
    if (context->eip == (uint32_t)steps_end)
        context->eflags &= ~0x100u;
}

int main(void)
{
    int sum;
    signal(SIGTRAP, step);
    __asm__ volatile("xorl %0, %0\n\t"
                     "pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\t"
                     "incl %0\n\t"               /* the first to trap, after it ran */
                     "movl $3, %%ecx\n"
                     "1:\taddl $10, %0\n\t"
                     "decl %%ecx\n\tjnz 1b\n\t"  /* nine instructions in three rounds */
                     "pushl %0\n\tpopl %0\n"
                     ".globl steps_end\nsteps_end:\tnop"
                     : "=&r"(sum) : : "ecx", "cc", "memory");
    check(sum == 31, "stepping changed the result");
    check(steps == 13 && loads == 13, "the number of steps is wrong");
    return 0;
}
