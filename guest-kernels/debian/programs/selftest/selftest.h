// One check each: runs in a process of its own and leaves by pass() or fail(); a signal that kills it is a failure too.
#pragma once
#include "../lib/system.h"

enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGKILL = 9, SIGSEGV = 11, SIGALRM = 14, SIGCHLD = 17, SIGSTOP = 19 };

typedef void check(void);

_Noreturn void pass(void);
_Noreturn void fail(const char *format, uint32_t value);

// The signal that kills a child which runs this, or 0 when it comes back.
int signal_of(check *run);

#define MUST_BE(value, expected)                                                                                       \
    do {                                                                                                               \
        uint32_t is = (uint32_t)(value);                                                                               \
        if (is != (uint32_t)(expected))                                                                                \
            fail(#value " is %x", is);                                                                                 \
    } while (0)

// What a signal handler is given (asm/sigcontext.h, struct ucontext of i386).
struct sigcontext {
    uint32_t gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, trapno, err, eip, cs, eflags, esp_at_signal, ss, fpstate, oldmask, cr2;
};
struct ucontext {
    uint32_t flags;
    void *link;
    uint32_t stack[3];
    struct sigcontext machine;
};
struct siginfo {
    int32_t signal, error, code;
    uint32_t address;
};
typedef void handler(int signal, struct siginfo *info, struct ucontext *context);
void on_signal(int signal, handler *run);

check check_fault_signals, check_fpu_exceptions, check_single_step_self, check_alignment, check_fpu_in_signals;
check check_ptrace_step, check_ptrace_breakpoint, check_ptrace_watchpoint;
check check_ldt_data, check_ldt_code16, check_ldt_stack16, check_thread_area, check_selectors, check_vm86;
check check_flags, check_iopl, check_ioperm, check_host_doors, check_vdso;
check check_fpu_switches, check_memory, check_copy_on_write, check_generated_code, check_threads, check_filter;
