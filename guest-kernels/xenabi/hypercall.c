// The way in: the page that the hypervisor fills, and the instruction that it is made of.
#include "xen.h"

static uint8_t hypercall_page[4096] __attribute__((aligned(4096)));

void hypercalls_init(void)
{
    asm volatile("wrmsr" : : "c"(0x40000000), "a"(hypercall_page), "d"(0) : "memory");
}

int32_t hypercall(uint32_t number, uint32_t first, uint32_t second, uint32_t third, uint32_t fourth)
{
    int32_t result;
    asm volatile("call *%%eax"
                 : "=a"(result), "+b"(first), "+c"(second), "+d"(third), "+S"(fourth)
                 : "0"(hypercall_page + number * 32)
                 : "memory", "cc");
    return result;
}

int32_t vmcall(uint32_t number, uint32_t first, uint32_t second)
{
    int32_t result;
    asm volatile("vmcall" : "=a"(result), "+b"(first), "+c"(second) : "0"(number) : "edx", "esi", "edi", "memory", "cc");
    return result;
}
