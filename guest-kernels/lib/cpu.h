// Names for single processor instructions that C cannot express.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    EFLAGS_FIXED = 0x2, // bit 1 always reads as 1
    EFLAGS_CARRY = 0x1,
    EFLAGS_TRAP = 0x100,
    EFLAGS_INTERRUPT = 0x200,
    EFLAGS_DIRECTION = 0x400,
    EFLAGS_OVERFLOW = 0x800,
    EFLAGS_IOPL = 0x3000,
    EFLAGS_ID = 0x200000,
};

enum {
    CR0_MONITOR_COPROCESSOR = 0x2,
    CR0_TASK_SWITCHED = 0x8,
    CR0_WRITE_PROTECT = 0x10000,
    CR0_ALIGNMENT_MASK = 0x40000,
    CR0_PAGING = 0x80000000,
    CR4_TIME_STAMP_DISABLE = 0x4,
    CR4_PAGE_SIZE_EXTENSIONS = 0x10,
};

enum { CPUID_EDX_PSE = 1 << 3, CPUID_EDX_TSC = 1 << 4, CPUID_EDX_MSR = 1 << 5, CPUID_EDX_SEP = 1 << 11 };

#define DEFINE_CONTROL_REGISTER(name)                                      \
    static inline uint32_t read_##name(void)                               \
    {                                                                      \
        uint32_t value = 0; /* seen if the instruction stores nothing */   \
        asm volatile("mov %%" #name ", %0" : "+r"(value) : : "memory");    \
        return value;                                                      \
    }                                                                      \
    static inline void write_##name(uint32_t value)                        \
    {                                                                      \
        asm volatile("mov %0, %%" #name : : "r"(value) : "memory");        \
    }
DEFINE_CONTROL_REGISTER(cr0)
DEFINE_CONTROL_REGISTER(cr2)
DEFINE_CONTROL_REGISTER(cr3)
DEFINE_CONTROL_REGISTER(cr4)

static inline void interrupts_off(void)
{
    asm volatile("cli" : : : "memory");
}

static inline void interrupts_on(void)
{
    asm volatile("sti" : : : "memory");
}

static inline void invalidate_page(const volatile void *linear)
{
    asm volatile("invlpg %0" : : "m"(*(const volatile char *)linear) : "memory");
}

static inline uint64_t read_time_stamp(void)
{
    uint64_t value;
    asm volatile("rdtsc" : "=A"(value) : : "memory");
    return value;
}

struct cpuid_result {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid(uint32_t leaf)
{
    struct cpuid_result r;
    asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(0));
    return r;
}

static inline void load_task_register(uint16_t selector)
{
    asm volatile("ltr %0" : : "r"(selector) : "memory");
}
