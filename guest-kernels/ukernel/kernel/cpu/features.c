/* Asks CPUID once, first thing in kernel_main; paging and the FPU decide by the answer. */
#include "cpu/features.h"
#include <stdint.h>

struct cpu_features cpu_features;

void cpu_features_detect(void)
{
    uint32_t eax = 0, ebx, ecx, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    if (eax < 1)
        return;
    eax = 1;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    cpu_features.fpu = edx & (1u << 0);
    cpu_features.pse = edx & (1u << 3);
    cpu_features.pge = edx & (1u << 13);
    cpu_features.fxsr = edx & (1u << 24);
    cpu_features.sse = edx & (1u << 25);
}
