// cpuid, rdtsc, model-specific registers and wbinvd: instructions that tell of the processor, or are privileged
// without touching tables.
#include "../lib/cpu.h"
#include "check.h"
#include "groups.h"

enum { MSR_SYSENTER_CS = 0x174 };

PROBE cpuid_max_leaf(void)
{
    return cpuid(0).eax >= 1;
}

PROBE cpuid_vendor(void)
{
    struct cpuid_result r = cpuid(0);
    uint32_t words[3] = { r.ebx, r.edx, r.ecx }, printable = 0;
    const char *vendor = (const char *)words;
    for (uint32_t i = 0; i < sizeof words; i++)
        printable += vendor[i] >= ' ' && vendor[i] < 0x7F;
    return printable;
}

PROBE cpuid_is_stable(void)
{
    struct cpuid_result a = cpuid(0), b = cpuid(0);
    return a.eax == b.eax && a.ebx == b.ebx && a.ecx == b.ecx && a.edx == b.edx;
}

PROBE cpuid_offers_fpu(void)
{
    struct cpuid_result r = cpuid(1);
    return (r.edx & 1) != 0; // every processor since the 486 has an FPU
}

PROBE time_stamp_rises(void)
{
    if (!(cpuid(1).edx & CPUID_EDX_TSC))
        return 100; // nothing to check
    uint32_t rises = 0;
    uint64_t last = read_time_stamp();
    for (uint32_t i = 0; i < 100; i++) {
        uint64_t now = read_time_stamp();
        rises += now >= last;
        last = now;
    }
    return rises;
}

PROBE time_stamp_moves(void)
{
    if (!(cpuid(1).edx & CPUID_EDX_TSC))
        return 1;
    uint64_t first = read_time_stamp();
    for (uint32_t i = 0; i < 100000; i++)
        if (read_time_stamp() != first)
            return 1;
    return 0;
}

// SYSENTER_CS is plain storage wherever SEP is offered.
PROBE msr_reads_back(void)
{
    const uint32_t needed = CPUID_EDX_MSR | CPUID_EDX_SEP;
    if ((cpuid(1).edx & needed) != needed)
        return 0x5678; // nothing to check
    uint32_t before, upper, saw = 0;
    asm volatile("rdmsr" : "=a"(before), "=d"(upper) : "c"(MSR_SYSENTER_CS));
    asm volatile("wrmsr" : : "a"(0x5678), "d"(0), "c"(MSR_SYSENTER_CS));
    asm volatile("rdmsr" : "+a"(saw), "=d"(upper) : "c"(MSR_SYSENTER_CS));
    asm volatile("wrmsr" : : "a"(before), "d"(0), "c"(MSR_SYSENTER_CS));
    return saw;
}

PROBE write_back_caches(void)
{
    static volatile uint32_t word;
    word = 0x4242;
    asm volatile("wbinvd" : : : "memory");
    return word;
}

void check_processor(void)
{
    check_value("cpuid-max-leaf", cpuid_max_leaf, 1);
    check_value("cpuid-vendor-printable", cpuid_vendor, 12);
    check_value("cpuid-stable", cpuid_is_stable, 1);
    check_value("cpuid-fpu", cpuid_offers_fpu, 1);
    check_value("rdtsc-monotonic", time_stamp_rises, 100);
    check_value("rdtsc-moves", time_stamp_moves, 1);
    check_value("rdmsr-wrmsr-sysenter-cs", msr_reads_back, 0x5678);
    check_value("wbinvd", write_back_caches, 0x4242);
}
