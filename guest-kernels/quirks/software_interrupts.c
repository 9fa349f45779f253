// int n, int3, into and iret in ring 0: what the handler finds pushed, and what the return restores.
#include "../lib/cpu.h"
#include "../lib/trap.h"
#include "check.h"
#include "groups.h"
#include "tables.h"

extern const char after_int[], after_int3[], after_into[], after_int3_long[];

PROBE int_interrupt_gate(void)
{
    asm volatile("stc; int %0; after_int:" : : "i"(VECTOR_INTERRUPT_GATE) : "cc", "memory");
    return last_trap.vector;
}

PROBE int_pushed_cs(void)
{
    int_interrupt_gate();
    return last_trap.cs;
}

PROBE int_pushed_eip(void)
{
    int_interrupt_gate();
    return last_trap.eip;
}

PROBE int_pushed_flags_if_clear(void)
{
    interrupts_off();
    int_interrupt_gate();
    return last_trap.eflags & (EFLAGS_INTERRUPT | EFLAGS_CARRY | EFLAGS_IOPL);
}

PROBE int_pushed_flags_if_set(void)
{
    interrupts_on();
    int_interrupt_gate();
    interrupts_off();
    return last_trap.eflags & (EFLAGS_INTERRUPT | EFLAGS_CARRY | EFLAGS_IOPL);
}

PROBE int_gate_clears_if(void)
{
    interrupts_on();
    int_interrupt_gate();
    interrupts_off();
    return last_trap.flags_inside & EFLAGS_INTERRUPT;
}

PROBE int_frame_flags_kept(void)
{
    uint32_t saw;
    asm volatile("sti; stc; int %1; pushfl; popl %0; cli" : "=r"(saw) : "i"(VECTOR_INTERRUPT_GATE) : "cc", "memory");
    return saw & (EFLAGS_INTERRUPT | EFLAGS_CARRY);
}

PROBE int_trap_gate_keeps_if(void)
{
    interrupts_on();
    asm volatile("int %0" : : "i"(VECTOR_TRAP_GATE) : "memory");
    interrupts_off();
    return last_trap.flags_inside & EFLAGS_INTERRUPT;
}

PROBE int_gate_selector(void)
{
    uint32_t saw; // the handler returned to the interrupted selector
    asm volatile("int %1; movl %%cs, %0" : "=r"(saw) : "i"(VECTOR_ALIAS_GATE) : "memory");
    return last_trap.vector << 16 | (saw & 0xFFFF);
}

PROBE int_system_call(void)
{
    // eax is no system call of any host either, should this reach one
    asm volatile("int %0" : : "i"(VECTOR_SYSTEM_CALL), "a"(0xFFFFFFFF) : "memory");
    return last_trap.vector << 16 | last_trap.cs;
}

PROBE int_keeps_registers(void)
{
    uint32_t a = 1, b = 2, c = 3, d = 4, s = 5, t = 6;
    asm volatile("int %6"
                 : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(s), "+D"(t)
                 : "i"(VECTOR_INTERRUPT_GATE)
                 : "memory");
    return a | b << 4 | c << 8 | d << 12 | s << 16 | t << 20;
}

PROBE breakpoint(void)
{
    asm volatile("int3; after_int3:" : : : "memory");
    return 0;
}

PROBE breakpoint_long(void)
{
    asm volatile(".byte 0xCD, 3; after_int3_long:" : : : "memory");
    return 0;
}

PROBE overflow(void)
{
    asm volatile("movb $0x7F, %%al; incb %%al; into; after_into:" : : : "eax", "cc", "memory");
    return 0;
}

PROBE no_overflow(void)
{
    asm volatile("xorb %%al, %%al; into" : : : "eax", "cc", "memory");
    return last_trap.count;
}

extern const char bad_int_beyond[], bad_int_not_present[];

PROBE int_beyond(void)
{
    asm volatile("bad_int_beyond: int %0" : : "i"(VECTOR_BEYOND) : "memory");
    return 0;
}

PROBE int_not_present(void)
{
    asm volatile("bad_int_not_present: int %0" : : "i"(VECTOR_NOT_PRESENT) : "memory");
    return 0;
}

static inline uint32_t iret_with(uint32_t flags)
{
    uint32_t saw;
    asm volatile("pushl %1; pushl %2; pushl $1f; iret; 1: pushfl; popl %0"
                 : "=r"(saw)
                 : "r"(flags), "i"(SELECTOR_KERNEL_CODE)
                 : "cc", "memory");
    return saw;
}

PROBE iret_flags_set(void)
{
    uint32_t saw = iret_with(EFLAGS_FIXED | EFLAGS_INTERRUPT | EFLAGS_IOPL | EFLAGS_CARRY | EFLAGS_OVERFLOW);
    iret_with(EFLAGS_FIXED);
    interrupts_off();
    return saw & 0x3FFF;
}

PROBE iret_flags_clear(void)
{
    interrupts_on();
    uint32_t saw = iret_with(EFLAGS_FIXED);
    interrupts_off();
    return saw & 0x3FFF;
}

PROBE iret_stack(void)
{
    uint32_t before, after;
    asm volatile("movl %%esp, %0; pushl $2; pushl %2; pushl $1f; iret; 1: movl %%esp, %1"
                 : "=&r"(before), "=&r"(after)
                 : "i"(SELECTOR_KERNEL_CODE)
                 : "cc", "memory");
    return before - after;
}

PROBE iret_to_alias(void)
{
    uint32_t saw;
    asm volatile("pushl $2; pushl %1; pushl $1f; iret; 1: movl %%cs, %0; ljmp %2, $2f; 2:"
                 : "=r"(saw)
                 : "i"(SELECTOR_CODE_ALIAS), "i"(SELECTOR_KERNEL_CODE)
                 : "cc", "memory");
    return saw & 0xFFFF;
}

extern const char bad_iret[];
PROBE iret_to_data(void)
{
    asm volatile("pushl $2; pushl %0; pushl $0; bad_iret: iret" : : "i"(SELECTOR_KERNEL_DATA) : "memory");
    return 0;
}

void check_software_interrupts(void)
{
    check_value("int-n", int_interrupt_gate, VECTOR_INTERRUPT_GATE);
    check_value("int-n-pushed-cs", int_pushed_cs, SELECTOR_KERNEL_CODE);
    check_value("int-n-pushed-eip", int_pushed_eip, (uint32_t)after_int);
    check_value("int-n-pushed-flags-if-clear", int_pushed_flags_if_clear, EFLAGS_CARRY);
    check_value("int-n-pushed-flags-if-set", int_pushed_flags_if_set, EFLAGS_CARRY | EFLAGS_INTERRUPT);
    check_value("int-n-interrupt-gate-clears-if", int_gate_clears_if, 0);
    check_value("int-n-trap-gate-keeps-if", int_trap_gate_keeps_if, EFLAGS_INTERRUPT);
    check_value("int-n-iret-restores-flags", int_frame_flags_kept, EFLAGS_INTERRUPT | EFLAGS_CARRY);
    check_value("int-n-gate-selector", int_gate_selector, VECTOR_ALIAS_GATE << 16 | SELECTOR_KERNEL_CODE);
    check_value("int-0x80-in-ring-0", int_system_call, VECTOR_SYSTEM_CALL << 16 | SELECTOR_KERNEL_CODE);
    check_value("int-n-keeps-registers", int_keeps_registers, 0x654321);
    check_trap("int3", breakpoint, TRAP_BREAKPOINT, 0, after_int3);
    check_trap("int3-two-bytes", breakpoint_long, TRAP_BREAKPOINT, 0, after_int3_long);
    check_trap("into", overflow, TRAP_OVERFLOW, 0, after_into);
    check_value("into-without-overflow", no_overflow, 0);
    // Error code of an IDT entry: vector * 8 + 2 (SDM vol. 3, 6.13).
    check_trap("int-n-beyond-idt", int_beyond, 13, VECTOR_BEYOND * 8 + 2, bad_int_beyond);
    check_trap("int-n-not-present", int_not_present, 11, VECTOR_NOT_PRESENT * 8 + 2, bad_int_not_present);
    check_value("iret-sets-flags", iret_flags_set, 0x3A03);
    check_value("iret-clears-flags", iret_flags_clear, EFLAGS_FIXED);
    check_value("iret-stack", iret_stack, 0);
    check_value("iret-to-alias", iret_to_alias, SELECTOR_CODE_ALIAS);
    check_trap("iret-data", iret_to_data, 13, SELECTOR_KERNEL_DATA, bad_iret);
}
