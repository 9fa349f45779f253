// What user code may know and do of the processor.
#include "selftest.h"

void check_flags(void)
{
    uint32_t before, after;
    for (int i = 0; i < 20; i++) {
        // IF and IOPL are not the user's to change, and not to be seen changed.
        asm volatile("pushf\n\tpopl %0\n\tpushl $0x3ed7\n\tpopf\n\tpushf\n\tpopl %1\n\tcld" : "=&r"(before), "=&r"(after) : : "cc");
        MUST_BE(before & 0x3200, 0x200);
        MUST_BE(after & 0x3ED7, 0xED7 | 0x200);
        asm volatile("pushl $0\n\tpopf\n\tpushf\n\tpopl %0" : "=r"(after) : : "cc");
        MUST_BE(after & 0x3ED7, 0x202);
    }
}

void check_iopl(void)
{
    // Port input at any port; the kernel emulates IOPL by the bitmap since 5.5, and CLI stays refused or is ignored.
    MUST_BE(system_call(SYS_IOPL, 3, 0, 0), 0);
    uint8_t value;
    asm volatile("inb $0x61, %0" : "=a"(value));
    asm volatile("outb %0, $0x80" : : "a"((uint8_t)0));
    MUST_BE(system_call(SYS_IOPL, 0, 0, 0), 0);
}

static void read_port_81(void)
{
    uint8_t value;
    asm volatile("inb $0x81, %0" : "=a"(value));
}

void check_ioperm(void)
{
    MUST_BE(system_call(SYS_IOPERM, 0x80, 1, 1), 0);
    for (int i = 0; i < 20; i++) {
        uint8_t value;
        asm volatile("inb $0x80, %0" : "=a"(value));
        system_call(SYS_SCHED_YIELD, 0, 0, 0);
    }
    MUST_BE(signal_of(read_port_81), SIGSEGV);
}

// The ways into a kernel that a 64-bit host has and this guest's processor need not have: they lead into the guest's kernel or nowhere.
static void by_sysenter(void)
{
    asm volatile("movl %%esp, %%ebp\n\tsysenter" : : "a"(SYS_GETPID) : "memory", "ecx", "edx");
}

static void by_syscall(void)
{
    asm volatile("movl %%ecx, %%ebp\n\tsyscall" : : "a"(SYS_GETPID) : "memory", "ecx");
}

static void by_far_call(void)
{
    // 33h is the 64-bit code segment of a Linux host.
    asm volatile("lcall $0x33, $1f\n1: nop");
}

void check_host_doors(void)
{
    int result = signal_of(by_sysenter);
    if (result != SIGILL && result != SIGSEGV && result != 0)
        fail("sysenter ends by signal %d", (uint32_t)result);
    result = signal_of(by_syscall);
    if (result != SIGILL && result != SIGSEGV)
        fail("syscall ends by signal %d", (uint32_t)result);
    result = signal_of(by_far_call);
    if (result != SIGSEGV)
        fail("a far call to 33h ends by signal %d", (uint32_t)result);
}

void check_vdso(void)
{
    int32_t process = system_call(SYS_GETPID, 0, 0, 0);
    for (int i = 0; i < 1000; i++)
        MUST_BE(vsyscall(SYS_GETPID, 0, 0, 0), process);
}
