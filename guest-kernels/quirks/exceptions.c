// Every exception that code in ring 0 can raise at will: vector, error code and EIP, CR2 for page faults, and that a
// handler can repair the cause and return.
#include "../lib/cpu.h"
#include "../lib/paging.h"
#include "../lib/trap.h"
#include "check.h"
#include "dispatch.h"
#include "groups.h"
#include "selectors_quirks.h"

extern const char fault_divide[], fault_divide_range[], fault_aam[], fault_bound[], fault_ud2[], fault_lock[];
extern const char fault_device[], fault_read[], fault_write[], fault_read_only[], fault_fetch[];

static volatile uint32_t *const unmapped = (volatile uint32_t *)(PAGING_WINDOW + 5 * PAGE_SIZE + 0x10);
static uint32_t *const entry = &window_table[5];
static uint32_t frame[PAGE_SIZE / 4] __attribute__((aligned(PAGE_SIZE)));

PROBE divide_by_zero(void)
{
    asm volatile("fault_divide: divl %%ecx" : : "a"(1), "d"(0), "c"(0) : "cc");
    return 0;
}

PROBE divide_range(void)
{
    asm volatile("fault_divide_range: idivl %%ecx" : : "a"(0), "d"(0x80000000), "c"(1) : "cc");
    return 0;
}

PROBE adjust_zero(void)
{
    asm volatile("fault_aam: aam $0" : : "a"(1) : "cc");
    return 0;
}

PROBE bound_range(void)
{
    static const uint32_t bounds[2] = { 1, 5 };
    asm volatile("fault_bound: boundl %0, %1" : : "r"(6), "m"(bounds));
    return 0;
}

PROBE undefined(void)
{
    asm volatile("fault_ud2: ud2");
    return 0;
}

PROBE bad_lock(void)
{
    asm volatile("fault_lock: .byte 0xF0, 0x90, 0x90"); // lock nop
    return 0;
}

PROBE device_not_available(void)
{
    write_cr0(read_cr0() | CR0_TASK_SWITCHED);
    asm volatile("fault_device: fninit");
    return 0;
}

PROBE read_unmapped(void)
{
    uint32_t saw;
    asm volatile("fault_read: movl %1, %0" : "=r"(saw) : "m"(*unmapped));
    return saw;
}

PROBE write_unmapped(void)
{
    asm volatile("fault_write: movl $1, %0" : "=m"(*unmapped));
    return 0;
}

PROBE write_read_only(void)
{
    *entry = (uint32_t)frame | PAGE_PRESENT;
    invalidate_page((const void *)unmapped);
    asm volatile("fault_read_only: movl $1, %0" : "=m"(*unmapped));
    return 0;
}

PROBE fetch_unmapped(void)
{
    asm volatile("call *%0" : : "r"(unmapped) : "eax", "ecx", "edx", "memory");
    return 0;
}

static uint32_t fault_seen;

static bool map_and_retry(struct trap_frame *trap)
{
    if (trap->vector != TRAP_PAGE_FAULT || fault_seen)
        return false;
    fault_seen = last_trap.fault_address;
    *entry = (uint32_t)frame | PAGE_PRESENT | PAGE_WRITABLE;
    return true;
}

static bool skip_two_bytes(struct trap_frame *trap)
{
    trap->eip += 2;
    return true;
}

PROBE repaired_page_fault(void)
{
    *unmapped = 0xFEED;
    return frame[4];
}

PROBE skipped_divide(void)
{
    uint32_t saw = 7;
    asm volatile("divl %%ecx; incl %0" : "+b"(saw) : "a"(1), "c"(0), "d"(0) : "cc");
    return saw;
}


static void forget_mapping(void)
{
    *entry = 0;
    invalidate_page((const void *)unmapped);
}

static void check_page_faults(void)
{
    // Error code bits: 1 present, 2 write, 4 user (SDM vol. 3, 4.7).
    check_trap("page-fault-read", read_unmapped, TRAP_PAGE_FAULT, 0, fault_read);
    check_equal("page-fault-read-cr2", last_trap.fault_address, (uint32_t)unmapped);
    check_trap("page-fault-write", write_unmapped, TRAP_PAGE_FAULT, 2, fault_write);
    check_equal("page-fault-write-cr2", last_trap.fault_address, (uint32_t)unmapped);
    check_trap("page-fault-read-only", write_read_only, TRAP_PAGE_FAULT, 3, fault_read_only);
    forget_mapping();
    check_trap("page-fault-fetch", fetch_unmapped, TRAP_PAGE_FAULT, 0, (const char *)unmapped);
    check_equal("page-fault-fetch-cr2", last_trap.fault_address, (uint32_t)unmapped);

    fault_seen = 0;
    resume_hook = map_and_retry;
    check_value("page-fault-repaired", repaired_page_fault, 0xFEED);
    resume_hook = 0;
    check_equal("page-fault-repaired-cr2", fault_seen, (uint32_t)unmapped);
    forget_mapping();
}

void check_exceptions(void)
{
    check_trap("divide-error", divide_by_zero, TRAP_DIVIDE, 0, fault_divide);
    check_equal("divide-error-pushed-cs", last_trap.cs, SELECTOR_KERNEL_CODE);
    check_trap("divide-error-range", divide_range, TRAP_DIVIDE, 0, fault_divide_range);
    check_trap("divide-error-aam", adjust_zero, TRAP_DIVIDE, 0, fault_aam);
    check_trap("bound-range", bound_range, TRAP_BOUND, 0, fault_bound);
    check_trap("invalid-opcode-ud2", undefined, TRAP_INVALID_OPCODE, 0, fault_ud2);
    check_trap("invalid-opcode-lock", bad_lock, TRAP_INVALID_OPCODE, 0, fault_lock);
    check_trap("device-not-available", device_not_available, TRAP_NO_COPROCESSOR, 0, fault_device);
    write_cr0(read_cr0() & ~CR0_TASK_SWITCHED);

    resume_hook = skip_two_bytes;
    check_value("divide-error-skipped", skipped_divide, 8);
    resume_hook = 0;
    check_page_faults();
}
