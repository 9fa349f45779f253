/* The heap grows and shrinks; what shrank away faults, and is zero when it comes back. */
#include "test.h"

static volatile uint8_t *address;
static void touch(void) { *address = 1; }

int main(void)
{
    uint8_t *start = sbrk(0);
    check(sbrk(10000) == start && sbrk(0) == start + 10000, "the break moved wrong");
    for (int i = 0; i < 10000; i++) {
        check(start[i] == 0, "fresh heap is not zero");
        start[i] = i;
    }
    check(sbrk(-9000) == start + 10000, "the break moved wrong");
    check(start[999] == (uint8_t)999, "shrinking lost data");
    address = start + 8192;
    check(attempt(touch) && caught.signal == SIGSEGV && caught.fault_address == (uint32_t)address, "memory beyond the break can be written");
    check(sbrk(9000) == start + 1000 && start[8192] == 0 && start[4096] == 0, "regrown heap is not zero");
    check(sbrk(-20000) == (void *)-EINVAL, "the heap cannot become negative");
    return 0;
}
