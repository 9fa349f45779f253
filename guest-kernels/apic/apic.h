// Registers of the local APIC (SDM vol. 3, table 11-1) and of the I/O APIC (82093AA).
#pragma once
#include <stdint.h>

#define LOCAL_APIC 0xFEE00000u
#define IO_APIC 0xFEC00000u

enum {
    APIC_VERSION = 0x30,
    APIC_TASK_PRIORITY = 0x80,
    APIC_END_OF_INTERRUPT = 0xB0,
    APIC_SPURIOUS = 0xF0,
    APIC_COMMAND = 0x300,
    APIC_TIMER = 0x320,
    APIC_LINT0 = 0x350,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3E0,
};

enum {
    APIC_ENABLED = 1 << 8,
    APIC_NON_MASKABLE = 4 << 8,
    APIC_EXTERNAL = 7 << 8,
    APIC_LEVEL = 1 << 15,
    APIC_MASKED = 1 << 16,
    APIC_PERIODIC = 1 << 17,
    APIC_TO_SELF = 1 << 18,
    APIC_DIVIDE_BY_16 = 3,
};

static inline uint32_t apic_read(uint32_t offset)
{
    return *(volatile uint32_t *)(LOCAL_APIC + offset);
}

static inline void apic_write(uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(LOCAL_APIC + offset) = value;
}

static inline uint32_t io_apic_read(uint32_t index)
{
    *(volatile uint32_t *)IO_APIC = index;
    return *(volatile uint32_t *)(IO_APIC + 0x10);
}

static inline void io_apic_write(uint32_t index, uint32_t value)
{
    *(volatile uint32_t *)IO_APIC = index;
    *(volatile uint32_t *)(IO_APIC + 0x10) = value;
}

// The entry of an input that interrupts processor 0.
static inline void io_apic_route(uint32_t input, uint32_t entry)
{
    io_apic_write(0x10 + 2 * input + 1, 0);
    io_apic_write(0x10 + 2 * input, entry);
}
