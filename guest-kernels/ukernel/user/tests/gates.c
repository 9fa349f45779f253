/* INT n through a gate of DPL 0 is a general protection fault whose error code names the gate (SDM vol. 3 6.13). */
#include "test.h"

#define GATE(number) static void int_##number(void) { __asm__ volatile("int $" #number); }
GATE(0)
GATE(1)
GATE(8)
GATE(14)
GATE(32)
GATE(46)
GATE(129)
GATE(255)

static const struct { uint32_t vector; void (*run)(void); } gates[] = {
    { 0, int_0 }, { 1, int_1 }, { 8, int_8 }, { 14, int_14 }, { 32, int_32 }, { 46, int_46 }, { 129, int_129 }, { 255, int_255 },
};

int main(void)
{
    for (unsigned i = 0; i < sizeof gates / sizeof *gates; i++) {
        check(attempt(gates[i].run), "a closed gate opened");
        check(caught.signal == SIGSEGV && caught.trap == TRAP_GENERAL_PROTECTION, "the wrong exception came");
        check(caught.error == gates[i].vector * 8 + 2, "the error code does not name the gate");
    }
    return 0;
}
