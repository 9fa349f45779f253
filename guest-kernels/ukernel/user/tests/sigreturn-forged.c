/* sigreturn with a forged context: no privilege is gained, and a bad pointer kills. */
#include "test.h"

static void to_kernel(void)
{
    struct signal_context context = { .eip = 0xC0100000, .esp = 0xC0101000, .eflags = 0x3202 };
    raw_system_call(SYS_sigreturn, (uint32_t)&context, 0, 0);
}

static void bad_pointer(void) { raw_system_call(SYS_sigreturn, 0xC0100000, 0, 0); }

static void flags_probe(void)
{
    uint32_t flags;
    __asm__ volatile("pushfl; popl %0" : "=r"(flags));
    exit((flags & 0x3200) == 0x200 ? 55 : 56);
}

static void raise_iopl(void)
{
    static uint8_t stack[4096];
    struct signal_context context = { .eip = (uint32_t)flags_probe, .esp = (uint32_t)(stack + 4092), .eflags = 0x27002 };
    raw_system_call(SYS_sigreturn, (uint32_t)&context, 0, 0);
}

int main(void)
{
    check(status_of(to_kernel) == STATUS_KILLED(SIGSEGV), "a forged EIP should fault in ring 3");
    check(status_of(bad_pointer) == STATUS_KILLED(SIGSEGV), "a bad pointer should kill");
    check(status_of(raise_iopl) == STATUS_EXITED(55), "flags were raised");
    return 0;
}
