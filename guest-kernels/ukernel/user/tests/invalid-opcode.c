/* UD2, and LEA of a register, arrive as SIGILL at their own address. */
#include "test.h"

__attribute__((noinline)) static void ud2(void) { __asm__ volatile(".globl ud2_here\nud2_here: ud2"); }
static void lea_register(void) { __asm__ volatile(".byte 0x8D, 0xC0"); }
extern const char ud2_here[];

int main(void)
{
    check(attempt(ud2) && caught.signal == SIGILL && caught.trap == TRAP_INVALID_OPCODE, "UD2 was not delivered");
    check(caught.eip == (uint32_t)ud2_here, "the address is wrong");
    check(attempt(lea_register) && caught.signal == SIGILL, "LEA of a register was not delivered");
    check(status_of(ud2) == STATUS_KILLED(SIGILL), "the parent sees the wrong status");
    return 0;
}
