// Exceptions of user code arrive as signals that say what and where, and the handler can go on from anywhere.
#include "selftest.h"

static volatile uint32_t seen_signal, seen_code, seen_address, seen_trap, seen_error, seen_offset, resume_at;
static uint32_t fault_base;

static void note(int signal, struct siginfo *info, struct ucontext *context)
{
    seen_signal = (uint32_t)signal;
    seen_code = (uint32_t)info->code;
    seen_address = info->address;
    seen_trap = context->machine.trapno;
    seen_error = context->machine.err;
    seen_offset = context->machine.eip - fault_base;
    context->machine.eip = resume_at;
    context->machine.eflags &= ~0x40100u; // no more single steps, no more alignment checks
}

// Runs code that must raise a signal at its first byte, and goes on behind it.
#define RAISES(code, wanted_signal, wanted_trap, wanted_offset)                                                        \
    do {                                                                                                               \
        seen_signal = 0;                                                                                               \
        asm volatile("movl $1f, %0\n\tmovl $2f, %1\n1: " code "\n2:" : "=m"(fault_base), "=m"(resume_at) : : "eax", "ecx", "edx", "memory");     \
        MUST_BE(seen_signal, wanted_signal);                                                                           \
        MUST_BE(seen_trap, wanted_trap);                                                                               \
        MUST_BE(seen_offset, wanted_offset);                                                                           \
    } while (0)

static void note_all(void)
{
    static const uint8_t signals[] = { SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV };
    for (uint32_t i = 0; i < sizeof signals; i++)
        on_signal(signals[i], note);
}

void check_fault_signals(void)
{
    note_all();
    for (int round = 0; round < 3; round++) {
        RAISES("movl 0x10, %%eax", SIGSEGV, 14, 0);
        MUST_BE(seen_address, 0x10);
        RAISES("movl %%eax, 0xc1000000", SIGSEGV, 14, 0);
        MUST_BE(seen_address, 0xC1000000);
        MUST_BE(seen_error & ~1u, 6);
        RAISES("ud2", SIGILL, 6, 0);
        RAISES("int3", SIGTRAP, 3, 1);
        RAISES("hlt", SIGSEGV, 13, 0);
        RAISES("int $0x2c", SIGSEGV, 13, 0);
        MUST_BE(seen_error, 0x2C * 8 + 2);
        RAISES("xorl %%ecx, %%ecx\n\tdivl %%ecx", SIGFPE, 0, 2);
        RAISES("movl %%cr0, %%eax", SIGSEGV, 13, 0);
        RAISES("lgdt (%%esp)", SIGSEGV, 13, 0);
        RAISES("inb $0x80, %%al", SIGSEGV, 13, 0);
        RAISES("cli", SIGSEGV, 13, 0);
        RAISES("movl $0x1233, %%eax\n\tmovl %%eax, %%fs", SIGSEGV, 13, 5);
        MUST_BE(seen_error, 0x1230);
        RAISES("movl $0x40000000, %%eax\n\taddl %%eax, %%eax\n\tinto", SIGSEGV, 4, 8);
    }
}

void check_fpu_exceptions(void)
{
    note_all();
    uint16_t unmasked = 0x37F & ~4;
    uint32_t unmasked_sse = 0x1F80 & ~0x200;
    for (int round = 0; round < 3; round++) {
        asm volatile("fninit\n\tfldcw %0" : : "m"(unmasked));
        RAISES("fld1\n\tfldz\n\tfdivrp\n\tfwait\n\tnop", SIGFPE, 16, 6);
        asm volatile("fninit");
        asm volatile("ldmxcsr %0" : : "m"(unmasked_sse));
        RAISES("xorps %%xmm1, %%xmm1\n\tmovl $1, %%eax\n\tcvtsi2ss %%eax, %%xmm0\n\tdivss %%xmm1, %%xmm0", SIGFPE, 19, 12);
    }
}

void check_single_step_self(void)
{
    note_all();
    // The trap comes behind the instruction that follows POPF.
    RAISES("pushf\n\torl $0x100, (%%esp)\n\tpopf\n\tnop\n\tnop", SIGTRAP, 1, 10);
}

void check_alignment(void)
{
    note_all();
    RAISES("pushf\n\torl $0x40000, (%%esp)\n\tpopf\n\tmovl words_of_alignment+1, %%eax\n\tnop", SIGBUS, 17, 9);
}
asm(".data\n\t.balign 8\nwords_of_alignment: .long 0, 0, 0\n\t.text");

// A handler that destroys the FPU's state must not be seen by what it interrupts.
static volatile uint32_t alarms;

static void destroy_fpu(int signal, struct siginfo *info, struct ucontext *context)
{
    (void)signal, (void)info, (void)context;
    uint32_t mxcsr = 0x1F80 | 0x6000;
    asm volatile("fninit\n\tfldpi\n\tfldpi\n\tpcmpeqd %%xmm0, %%xmm0\n\tpcmpeqd %%xmm7, %%xmm7\n\tldmxcsr %0" : : "m"(mxcsr));
    alarms++;
}

void check_fpu_in_signals(void)
{
    on_signal(SIGALRM, destroy_fpu);
    const int32_t every[4] = { 0, 1000, 0, 1000 };
    MUST_BE(system_call(SYS_SETITIMER, 0, (intptr_t)every, 0), 0);
    uint32_t pattern[4] = { 0x11111111, 0x22222222, 0x33333333, 0x44444444 }, seen[4], control = 0, value = 0;
    while (alarms < 20) {
        uint32_t loops = 100000;
        asm volatile("fninit\n\tfld1\n\tmovups %2, %%xmm0\n\tmovups %2, %%xmm7\n1: decl %3\n\tjnz 1b\n\tfistpl %1\n\tfnstcw %4\n\t"
                     "pcmpeqd %%xmm0, %%xmm7\n\tmovups %%xmm7, %0"
                     : "=m"(seen), "=m"(value), "+m"(pattern), "+r"(loops), "=m"(control));
        MUST_BE(value, 1);
        MUST_BE(control & 0xFFFF, 0x37F);
        MUST_BE(seen[0] & seen[1] & seen[2] & seen[3], 0xFFFFFFFF);
    }
}
