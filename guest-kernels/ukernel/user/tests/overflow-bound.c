/* INTO and BOUND, which only 32-bit code has, trap when they should and only then. */
#include "test.h"

static void into_set(void) { __asm__ volatile("movb $0x7F, %%al; addb $1, %%al; into" : : : "eax", "cc"); }
static void into_clear(void) { __asm__ volatile("xorl %%eax, %%eax; into" : : : "eax", "cc"); }

static int bounds[2] = { -3, 10 }, index_value;
static void bound(void) { __asm__ volatile("bound %0, %1" : : "r"(index_value), "m"(bounds)); }

int main(void)
{
    check(attempt(into_set) && caught.trap == TRAP_OVERFLOW && caught.signal == SIGSEGV, "INTO did not trap");
    check(!attempt(into_clear), "INTO trapped without overflow");
    for (index_value = -5; index_value <= 12; index_value++) {
        bool outside = index_value < -3 || index_value > 10;
        check(attempt(bound) == outside && (!outside || caught.trap == TRAP_BOUND), "BOUND decided wrong");
    }
    return 0;
}
