/* Kernel addresses are closed to ring 3, mapped or not, and so is page 0. */
#include "test.h"

static volatile uint32_t *address;
static void read_it(void) { (void)*address; }
static void write_it(void) { *address = 0; }
static void jump_to_it(void) { ((void (*)(void))address)(); }

static void expect(uint32_t where, uint32_t present)
{
    address = (uint32_t *)where;
    check(attempt(read_it) && caught.signal == SIGSEGV && caught.error == (4 | present), "a read was allowed");
    check(caught.fault_address == where, "the fault address is wrong");
    check(attempt(write_it) && caught.signal == SIGSEGV && caught.error == (6 | present), "a write was allowed");
    check(attempt(jump_to_it) && caught.signal == SIGSEGV && caught.eip == where, "a jump was allowed");
}

int main(void)
{
    expect(0xC0100000, 1);          /* kernel text */
    expect(0xC0400000, 1);          /* memory in large pages */
    expect(0xFFFFF000, 0);
    expect(0xBFFFF000, 0);          /* above the stack */
    expect(0, 0);
    expect(0x40000000, 0);
    return 0;
}
