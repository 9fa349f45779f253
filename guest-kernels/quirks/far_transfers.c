// Far calls, jumps and returns in ring 0: through a code selector, a conforming one, one of the LDT and a call gate,
// and the exceptions of selectors that cannot be entered (SDM vol. 2, CALL, JMP and RET).
#include "far_transfers.h"
#include "check.h"
#include "groups.h"
#include "tables.h"

struct __attribute__((packed)) far_pointer {
    uint32_t offset;
    uint16_t selector;
};

// What far_target returns: where it runs, and what was pushed.
#define ARRIVED(selector) ((uint32_t)(selector) << 16 | SELECTOR_KERNEL_CODE)

#define DEFINE_FAR_CALL(name, selector, target)                                                                   \
    PROBE name(void)                                                                                              \
    {                                                                                                             \
        uint32_t saw;                                                                                             \
        asm volatile("lcall %1, $" #target : "=a"(saw) : "i"(selector) : "ecx", "edx", "cc", "memory");           \
        return saw;                                                                                               \
    }
DEFINE_FAR_CALL(call_same, SELECTOR_KERNEL_CODE, far_target)
DEFINE_FAR_CALL(call_alias, SELECTOR_CODE_ALIAS, far_target)
DEFINE_FAR_CALL(call_conforming, SELECTOR_CONFORMING, far_target)
DEFINE_FAR_CALL(call_local, SELECTOR_LOCAL_CODE, far_target)
DEFINE_FAR_CALL(call_gate, SELECTOR_GATE, 0) // the offset of a gate selector is not used

PROBE call_memory(void)
{
    static const struct far_pointer pointer = { (uint32_t)far_target, SELECTOR_CODE_ALIAS };
    uint32_t saw;
    asm volatile("lcall *%1" : "=a"(saw) : "m"(pointer) : "ecx", "edx", "cc", "memory");
    return saw;
}

PROBE call_gate_memory(void)
{
    static const struct far_pointer pointer = { 0xDEAD0000, SELECTOR_GATE };
    uint32_t saw;
    asm volatile("lcall *%1" : "=a"(saw) : "m"(pointer) : "ecx", "edx", "cc", "memory");
    return saw;
}

PROBE call_pops_parameters(void)
{
    uint32_t saw, before, after;
    asm volatile("movl %%esp, %1; pushl $1; pushl $2; lcall %3, $far_target_pop; movl %%esp, %2; movl %1, %%esp"
                 : "=a"(saw), "=&r"(before), "=&r"(after)
                 : "i"(SELECTOR_CODE_ALIAS)
                 : "cc", "memory");
    return before == after ? saw : before - after;
}

PROBE call_pushes_eip(void)
{
    uint32_t saw; // far_target leaves the pushed frame below the stack pointer
    asm volatile("lcall %1, $far_target; 1: movl -8(%%esp), %0; subl $1b, %0"
                 : "=a"(saw)
                 : "i"(SELECTOR_CODE_ALIAS)
                 : "cc", "memory");
    return saw;
}

PROBE jump_direct(void)
{
    uint32_t saw;
    asm volatile("ljmp %1, $1f; 1: movl %%cs, %0; ljmp %2, $2f; 2:"
                 : "=r"(saw)
                 : "i"(SELECTOR_CODE_ALIAS), "i"(SELECTOR_KERNEL_CODE)
                 : "memory");
    return saw & 0xFFFF;
}

PROBE jump_memory(void)
{
    struct far_pointer pointer = { 0, SELECTOR_LOCAL_CODE };
    uint32_t saw;
    asm volatile("movl $1f, %1; ljmp *%1; 1: movl %%cs, %0; ljmp %2, $2f; 2:"
                 : "=r"(saw), "+m"(pointer)
                 : "i"(SELECTOR_KERNEL_CODE)
                 : "memory");
    return saw & 0xFFFF;
}

PROBE jump_gate(void)
{
    uint32_t saw; // gate_target returns far, to what is pushed here
    asm volatile("pushl %1; pushl $1f; ljmp %2, $0; 1:"
                 : "=a"(saw)
                 : "i"(SELECTOR_KERNEL_CODE), "i"(SELECTOR_GATE)
                 : "ecx", "edx", "cc", "memory");
    return saw;
}

PROBE return_to_alias(void)
{
    uint32_t saw;
    asm volatile("pushl %1; pushl $1f; lret; 1: movl %%cs, %0; ljmp %2, $2f; 2:"
                 : "=r"(saw)
                 : "i"(SELECTOR_CODE_ALIAS), "i"(SELECTOR_KERNEL_CODE)
                 : "memory");
    return saw & 0xFFFF;
}

PROBE return_immediate(void)
{
    uint32_t before, after;
    asm volatile("movl %%esp, %0; pushl $0; pushl $0; pushl %2; pushl $1f; lret $8; 1: movl %%esp, %1; movl %0, %%esp"
                 : "=&r"(before), "=&r"(after)
                 : "i"(SELECTOR_KERNEL_CODE)
                 : "memory");
    return before - after;
}

#define DEFINE_BAD_JUMP(name, selector, offset)                                                      \
    extern const char bad_##name[];                                                                  \
    PROBE name(void)                                                                                 \
    {                                                                                                \
        asm volatile("bad_" #name ": ljmp %0, %1" : : "i"(selector), "i"(offset) : "memory");        \
        return 0;                                                                                    \
    }
DEFINE_BAD_JUMP(jump_null, 0, 0)
DEFINE_BAD_JUMP(jump_data, SELECTOR_KERNEL_DATA, 0)
DEFINE_BAD_JUMP(jump_not_present, SELECTOR_NOT_PRESENT_CODE, 0)
DEFINE_BAD_JUMP(jump_beyond, SELECTOR_BEYOND, 0)
DEFINE_BAD_JUMP(jump_user, SELECTOR_USER_CODE, 0)
DEFINE_BAD_JUMP(jump_past_limit, SELECTOR_SMALL_CODE, 0x2000)
DEFINE_BAD_JUMP(jump_reserved, SELECTOR_RESERVED, 0)

extern const char bad_call_data[], bad_return[];
PROBE call_data(void)
{
    asm volatile("bad_call_data: lcall %0, $0" : : "i"(SELECTOR_LOCAL_DATA) : "memory");
    return 0;
}

PROBE return_to_data(void)
{
    asm volatile("pushl %0; pushl $0; bad_return: lret" : : "i"(SELECTOR_KERNEL_DATA) : "memory");
    return 0;
}

void check_far_transfers(void)
{
    check_value("far-call", call_same, ARRIVED(SELECTOR_KERNEL_CODE));
    check_value("far-call-alias", call_alias, ARRIVED(SELECTOR_CODE_ALIAS));
    check_value("far-call-conforming", call_conforming, ARRIVED(SELECTOR_CONFORMING));
    check_value("far-call-local", call_local, ARRIVED(SELECTOR_LOCAL_CODE));
    check_value("far-call-gate", call_gate, ARRIVED(SELECTOR_KERNEL_CODE));
    check_value("far-call-mem", call_memory, ARRIVED(SELECTOR_CODE_ALIAS));
    check_value("far-call-gate-mem", call_gate_memory, ARRIVED(SELECTOR_KERNEL_CODE));
    check_value("far-call-lret-imm", call_pops_parameters, ARRIVED(SELECTOR_CODE_ALIAS));
    check_value("far-call-pushed-eip", call_pushes_eip, 0);
    check_value("far-jmp", jump_direct, SELECTOR_CODE_ALIAS);
    check_value("far-jmp-mem-local", jump_memory, SELECTOR_LOCAL_CODE);
    check_value("far-jmp-gate", jump_gate, ARRIVED(SELECTOR_KERNEL_CODE));
    check_value("lret", return_to_alias, SELECTOR_CODE_ALIAS);
    check_value("lret-imm", return_immediate, 0);

    check_trap("far-jmp-null", jump_null, 13, 0, bad_jump_null);
    check_trap("far-jmp-data", jump_data, 13, SELECTOR_KERNEL_DATA, bad_jump_data);
    check_trap("far-jmp-not-present", jump_not_present, 11, SELECTOR_NOT_PRESENT_CODE, bad_jump_not_present);
    check_trap("far-jmp-beyond-gdt", jump_beyond, 13, SELECTOR_BEYOND, bad_jump_beyond);
    check_trap("far-jmp-user-code", jump_user, 13, SELECTOR_USER_CODE & ~3, bad_jump_user);
    check_trap("far-jmp-past-limit", jump_past_limit, 13, 0, bad_jump_past_limit);
    check_trap("far-jmp-reserved-type", jump_reserved, 13, SELECTOR_RESERVED, bad_jump_reserved);
    check_trap("far-call-data", call_data, 13, SELECTOR_LOCAL_DATA, bad_call_data);
    check_trap("lret-data", return_to_data, 13, SELECTOR_KERNEL_DATA, bad_return);
}
