/* The GDT with four flat segments and the one TSS that tells the CPU the kernel stack of the running process. */
#include "cpu/segments.h"

struct task_state {
    uint32_t link, esp0, ss0, unused[22];
    uint16_t trap, io_map_base;
} __attribute__((packed));

static struct task_state task_state;
static uint64_t gdt[6];

/* SDM vol. 3 figure 3-8; limit in units the flags choose. */
static uint64_t descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags)
{
    return (uint64_t)(limit & 0xFFFF) | (uint64_t)(base & 0xFFFFFF) << 16 | (uint64_t)access << 40 |
           (uint64_t)((limit >> 16) & 0xF) << 48 | (uint64_t)flags << 52 | (uint64_t)(base >> 24) << 56;
}

void segments_initialize(void)
{
    gdt[1] = descriptor(0, 0xFFFFF, 0x9A, 0xC);
    gdt[2] = descriptor(0, 0xFFFFF, 0x92, 0xC);
    gdt[3] = descriptor(0, 0xFFFFF, 0xFA, 0xC);
    gdt[4] = descriptor(0, 0xFFFFF, 0xF2, 0xC);
    gdt[5] = descriptor((uint32_t)&task_state, sizeof task_state - 1, 0x89, 0);
    task_state.ss0 = KERNEL_DATA;
    task_state.io_map_base = sizeof task_state; /* beyond the limit: no port is open to ring 3 (SDM vol. 1 19.5.2) */

    struct { uint16_t limit; uint32_t base; } __attribute__((packed)) pointer = { sizeof gdt - 1, (uint32_t)gdt };
    __asm__ volatile("lgdt %0\n\t"
                     "ljmp %1, $1f\n"
                     "1:\tmovw %w2, %%ds\n\tmovw %w2, %%es\n\tmovw %w2, %%fs\n\tmovw %w2, %%gs\n\tmovw %w2, %%ss\n\t"
                     "lldt %w3\n\tltr %w4"
                     : : "m"(pointer), "i"(KERNEL_CODE), "r"(KERNEL_DATA), "r"(0), "r"(TASK_STATE) : "memory");
}

void segments_set_kernel_stack(uint32_t esp0) { task_state.esp0 = esp0; }
