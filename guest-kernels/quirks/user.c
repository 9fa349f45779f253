// The way into ring 3; the way back is any trap, which dispatch.c turns into the end of the probe.
#include "user.h"
#include "../lib/print.h"

char user_stack[USER_STACK_SIZE] __attribute__((section(".bss.user"), aligned(16)));

static const char *user_entry;
static uint32_t user_flags;

PROBE enter_user(void)
{
    asm volatile("movl %[fs], %%fs\n\t"
                 "movl %[data], %%gs\n\t"
                 "movl %[data], %%es\n\t"
                 "movl %[data], %%ds\n\t"
                 "pushl %[data]\n\t" // SS, ESP, EFLAGS, CS, EIP: SDM vol. 3, figure 6-4
                 "pushl %[stack]\n\t"
                 "pushl %[flags]\n\t"
                 "pushl %[code]\n\t"
                 "pushl %[entry]\n\t"
                 "xorl %%eax, %%eax\n\t"
                 "iret"
                 :
                 : [fs] "r"(SELECTOR_DATA_ALIAS), [data] "r"(SELECTOR_USER_DATA),
                   [stack] "r"(user_stack + USER_STACK_SIZE), [flags] "r"(user_flags), [code] "i"(SELECTOR_USER_CODE),
                   [entry] "r"(user_entry)
                 : "eax", "memory");
    return 0;
}

// What stands for the result where ring 3 did not end with its system call.
static uint32_t user_result(void)
{
    uint32_t unused;
    bool came_back = !run_guarded(enter_user, &unused);
    if (came_back && last_trap.vector == VECTOR_SYSTEM_CALL && last_trap.cs == SELECTOR_USER_CODE)
        return last_trap.eax;
    return 0xBAD00000 | last_trap.vector << 8 | (last_trap.cs & 0xFF);
}

void check_user_value(const char *name, const char *entry, uint32_t flags, uint32_t expected)
{
    user_entry = entry;
    user_flags = flags;
    check_equal(name, user_result(), expected);
}

void check_user_trap(const char *name, const char *entry, uint32_t flags, uint32_t vector, uint32_t error,
                     const char *eip)
{
    user_entry = entry;
    user_flags = flags;
    check_trap(name, enter_user, vector, error, eip);
}
