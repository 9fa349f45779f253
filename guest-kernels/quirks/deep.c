// Finer points, run with `deep` on the command line: descriptor caches, single-stepping and watchpoints, code and
// stack segments with a base, sysenter.
#include "../lib/cpu.h"
#include "../lib/trap.h"
#include "check.h"
#include "far_transfers.h"
#include "groups.h"
#include "tables.h"
#include "user.h"

PROBE cached_base(void)
{
    uint32_t saw;
    asm volatile("movl %0, %%fs" : : "r"(SELECTOR_BASED));
    struct descriptor before = gdt[SELECTOR_BASED / 8];
    *(volatile struct descriptor *)&gdt[SELECTOR_BASED / 8] = gdt[SELECTOR_BASED_SECOND / 8];
    asm volatile("movl %%fs:0, %0" : "=r"(saw) : : "memory"); // SDM vol. 3, 3.4.3: the hidden part stays
    gdt[SELECTOR_BASED / 8] = before;
    return saw;
}

PROBE load_sets_accessed(void)
{
    volatile uint32_t *high = &gdt[SELECTOR_FRESH / 8].high;
    uint32_t before = *high >> 8 & 1;
    asm volatile("movl %0, %%fs" : : "r"(SELECTOR_FRESH) : "memory");
    return before << 4 | (*high >> 8 & 1);
}

PROBE call_based_code(void)
{
    uint32_t saw;
    asm volatile("lcall %1, $far_target - %c2"
                 : "=a"(saw)
                 : "i"(SELECTOR_BASED_CODE), "i"(BASED_CODE_BASE)
                 : "cc", "memory");
    return saw;
}

PROBE stack_with_base(void)
{
    // Also without the base the stack pointer would lie in this array, and a trap could be taken there.
    enum { BASE = 4096, WORDS = 4 * BASE / 4, TOP = WORDS / 2 };
    static volatile uint32_t stack[WORDS];
    gdt[SELECTOR_FRESH / 8] = segment_descriptor(BASE, 0xFFFFF, ACCESS_PRESENT | ACCESS_DATA | ACCESS_WRITABLE,
                                                 SEGMENT_FLAT);
    uint32_t saved;
    asm volatile("movl %%esp, %0; movl %1, %%ss; movl %2, %%esp; pushl $0x77; movl %3, %%ss; movl %0, %%esp"
                 : "=&r"(saved)
                 : "r"(SELECTOR_FRESH), "r"((uint32_t)&stack[TOP] - BASE), "r"(SELECTOR_KERNEL_DATA)
                 : "memory");
    return stack[TOP - 1];
}

PROBE table_store_through_fs(void)
{
    areas_reset();
    asm volatile("movl %0, %%fs; sgdt %%fs:14" : : "r"(SELECTOR_BASED) : "memory");
    uint32_t saw = based_area[4];
    areas_reset();
    return saw;
}

PROBE call_through_stack(void)
{
    uint32_t saw;
    asm volatile("pushl %1; pushl $far_target; lcall *(%%esp); addl $8, %%esp"
                 : "=a"(saw)
                 : "i"(SELECTOR_CODE_ALIAS)
                 : "cc", "memory");
    return saw;
}

PROBE nested_task_flag(void)
{
    uint32_t saw;
    asm volatile("pushl $0x4002; popfl; pushfl; pushl $2; popfl; popl %0" : "=r"(saw) : : "cc", "memory");
    return saw & 0x4000;
}

extern const char after_step[], after_step_cli[], after_watch[];
PROBE single_step(void)
{
    asm volatile("pushl %0; popfl; nop; after_step: nop" : : "i"(EFLAGS_FIXED | EFLAGS_TRAP) : "cc", "memory");
    return 0;
}

PROBE single_step_sensitive(void)
{
    asm volatile("pushl %0; popfl; cli; after_step_cli: nop" : : "i"(EFLAGS_FIXED | EFLAGS_TRAP) : "cc", "memory");
    return 0;
}

volatile uint32_t watched; // not static: named in assembly

PROBE watchpoint(void)
{
    asm volatile("movl %0, %%db0; movl %1, %%db7; movl $1, watched; after_watch: nop"
                 :
                 : "r"(&watched), "r"(0x000D0401) // 4 bytes, on write, locally enabled (SDM vol. 3, 17.2.4)
                 : "memory");
    return 0;
}

static uint32_t take_debug_status(void)
{
    uint32_t status;
    asm volatile("movl %%db6, %0; movl %1, %%db6; movl %1, %%db7" : "=&r"(status) : "r"(0));
    return status & 0x400F; // BS, B3 to B0
}

USER_CODE(rdtsc, "", "rdtsc");

static void check_time_stamp_disable(void)
{
    write_cr4(read_cr4() | CR4_TIME_STAMP_DISABLE);
    check_user_trap("deep-user-rdtsc-tsd", user_rdtsc, EFLAGS_FIXED, TRAP_PROTECTION, 0, user_rdtsc_at);
    write_cr4(read_cr4() & ~CR4_TIME_STAMP_DISABLE);
}

enum { MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP = 0x175, MSR_SYSENTER_EIP = 0x176 };

USER_CODE(sysenter, "", "sysenter");

// Ring 0 arrives here: in what segments?
asm(".text\n"
    "sysenter_arrives: movl %cs, %eax; shll $16, %eax; movl %ss, %ecx; movw %cx, %ax\n"
    "movl %eax, sysenter_saw; jmp guarded_leave");
uint32_t sysenter_saw;
extern const char sysenter_arrives[];

static void write_msr(uint32_t index, uint32_t value)
{
    asm volatile("wrmsr" : : "a"(value), "d"(0), "c"(index));
}

PROBE sysenter_from_ring_0(void)
{
    asm volatile("sysenter");
    return 0;
}

static void check_sysenter(void)
{
    const uint32_t arrived = SELECTOR_KERNEL_CODE << 16 | SELECTOR_KERNEL_DATA; // SS is CS + 8 (SDM vol. 2)
    uint32_t unused;
    if (!(cpuid(1).edx & CPUID_EDX_SEP)) {
        check_equal("deep-sysenter", arrived, arrived); // not offered: nothing to check
        check_equal("deep-user-sysenter-off", 0, 0);
        return;
    }
    write_msr(MSR_SYSENTER_CS, SELECTOR_KERNEL_CODE);
    write_msr(MSR_SYSENTER_ESP, (uint32_t)(trap_stack + TRAP_STACK_SIZE));
    write_msr(MSR_SYSENTER_EIP, (uint32_t)sysenter_arrives);
    run_guarded(sysenter_from_ring_0, &unused);
    check_equal("deep-sysenter", sysenter_saw, arrived);
    write_msr(MSR_SYSENTER_CS, 0);
    check_user_trap("deep-user-sysenter-off", user_sysenter, EFLAGS_FIXED, TRAP_PROTECTION, 0, user_sysenter_at);
}

void check_deep(void)
{
    check_value("deep-descriptor-cache", cached_base, BASED_MARK);
    check_value("deep-load-sets-accessed", load_sets_accessed, 0x01);
    check_value("deep-far-call-based-code", call_based_code, SELECTOR_BASED_CODE << 16 | SELECTOR_KERNEL_CODE);
    check_value("deep-stack-with-base", stack_with_base, 0x77);
    check_value("deep-sgdt-through-fs", table_store_through_fs, gdt_register.base);
    check_value("deep-far-call-stack-pointer", call_through_stack, SELECTOR_CODE_ALIAS << 16 | SELECTOR_KERNEL_CODE);
    check_value("deep-popf-nested-task", nested_task_flag, 0x4000);
    take_debug_status();
    check_trap("deep-single-step", single_step, TRAP_DEBUG, 0, after_step);
    check_equal("deep-single-step-status", take_debug_status(), 0x4000);
    check_trap("deep-single-step-cli", single_step_sensitive, TRAP_DEBUG, 0, after_step_cli);
    take_debug_status();
    check_trap("deep-watchpoint", watchpoint, TRAP_DEBUG, 0, after_watch);
    check_equal("deep-watchpoint-status", take_debug_status(), 0x0001);
    check_time_stamp_disable();
    check_sysenter();
}
