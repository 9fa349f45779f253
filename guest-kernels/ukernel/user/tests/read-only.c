/* Text and constants cannot be written, not by the program and not by the kernel for it. */
#include "test.h"

static const int constant[4] = { 1, 2, 3, 4 };
static void write_text(void) { *(volatile uint8_t *)write_text = 0x90; }
static void write_constant(void) { *(volatile int *)constant = 5; }

int main(void)
{
    check(attempt(write_text) && caught.signal == SIGSEGV && caught.trap == TRAP_PAGE_FAULT, "text was written");
    check(caught.error == 7 && caught.fault_address == (uint32_t)write_text, "the fault should say: present, write, user");
    check(attempt(write_constant) && caught.signal == SIGSEGV, "a constant was written");
    int file = open("/etc/motd", O_READ);
    check(read(file, (void *)constant, 4) == -EFAULT, "the kernel wrote a constant");
    check(constant[0] == 1 && status_of(write_text) == STATUS_KILLED(SIGSEGV), "an unhandled fault should kill");
    return 0;
}
