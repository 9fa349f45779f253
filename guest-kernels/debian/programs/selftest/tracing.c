// A debugger's means: single steps, breakpoints written into the code, watchpoints in the debug registers (ptrace(2)).
#include "selftest.h"

enum { TRACEME = 0, PEEKTEXT = 1, PEEKUSER = 3, POKETEXT = 4, POKEUSER = 6, CONT = 7, SINGLESTEP = 9 };
enum { USER_EIP = 12 * 4, USER_DEBUGREG = 252 }; // offsets in struct user of i386 (asm/user_32.h)

static volatile uint32_t watched, steps_done;

void traced_loop(void);
asm("traced_loop: movl $50, %ecx\n1: incl steps_done\n\tdecl %ecx\n\tjnz 1b\n\t.globl traced_end\ntraced_end: ret");
extern const uint8_t traced_end[];

static void child_of_debugger(void)
{
    system_call(SYS_PTRACE, TRACEME, 0, 0);
    system_call(SYS_KILL, system_call(SYS_GETPID, 0, 0, 0), SIGSTOP, 0);
    traced_loop();
    watched = 7;
    traced_loop();
    watched = 8;
    leave(42);
}

static int32_t start_child(void)
{
    int32_t process = fork();
    int status = 0;
    if (process == 0)
        child_of_debugger();
    MUST_BE(wait_for(process, &status), process);
    MUST_BE(status, SIGSTOP << 8 | 0x7F);
    return process;
}

static int32_t trace(int request, int32_t process, uint32_t address, uint32_t data)
{
    return system_call6(SYS_PTRACE, request, process, (intptr_t)address, (intptr_t)data, 0, 0);
}

static uint32_t peek(int request, int32_t process, uint32_t address)
{
    uint32_t value = 0;
    MUST_BE(trace(request, process, address, (uint32_t)&value), 0);
    return value;
}

static int go_on(int request, int32_t process)
{
    int status = 0;
    MUST_BE(trace(request, process, 0, 0), 0);
    wait_for(process, &status);
    return status;
}

void check_ptrace_step(void)
{
    int32_t process = start_child();
    uint32_t inside = 0, start = (uint32_t)traced_loop;
    int status;
    for (int i = 0; i < 1000; i++) {
        status = go_on(SINGLESTEP, process);
        if (status != (SIGTRAP << 8 | 0x7F))
            break;
        inside += peek(PEEKUSER, process, USER_EIP) - start < (uint32_t)traced_end - start;
    }
    // Two rounds of MOV and 50 times INC, DEC, JNZ; seen is the address after each, which is outside after the last.
    MUST_BE(inside, 2 * (1 + 50 * 3));
    MUST_BE(status, 42 << 8);
}

void check_ptrace_breakpoint(void)
{
    int32_t process = start_child();
    uint32_t address = (uint32_t)traced_end, original = peek(PEEKTEXT, process, address);
    for (int i = 0; i < 2; i++) {
        MUST_BE(trace(POKETEXT, process, address, (original & ~0xFFu) | 0xCC), 0);
        MUST_BE(go_on(CONT, process), SIGTRAP << 8 | 0x7F);
        MUST_BE(peek(PEEKUSER, process, USER_EIP), address + 1);
        MUST_BE(trace(POKETEXT, process, address, original), 0);
        MUST_BE(trace(POKEUSER, process, USER_EIP, address), 0);
        MUST_BE(go_on(SINGLESTEP, process), SIGTRAP << 8 | 0x7F);
    }
    MUST_BE(go_on(CONT, process), 42 << 8);
}

void check_ptrace_watchpoint(void)
{
    int32_t process = start_child();
    MUST_BE(trace(POKEUSER, process, USER_DEBUGREG, (uint32_t)&watched), 0);
    // DR7: L0, write, four bytes.
    MUST_BE(trace(POKEUSER, process, USER_DEBUGREG + 7 * 4, 1 | 1 << 16 | 3 << 18), 0);
    for (uint32_t value = 7; value <= 8; value++) {
        MUST_BE(go_on(CONT, process), SIGTRAP << 8 | 0x7F);
        MUST_BE(peek(PEEKTEXT, process, (uint32_t)&watched), value);
        MUST_BE(peek(PEEKUSER, process, USER_DEBUGREG + 6 * 4) & 0xF, 1);
    }
    MUST_BE(go_on(CONT, process), 42 << 8);
}
