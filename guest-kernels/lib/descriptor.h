// Segment and gate descriptors and the TSS as the processor reads them (SDM vol. 3, 3.4.5, 3.5, 6.11, 8.2.1).
#pragma once
#include <stdint.h>

struct descriptor {
    uint32_t low, high;
};

struct __attribute__((packed)) table_register { // the operand of lgdt, lidt, sgdt, sidt
    uint16_t limit;
    uint32_t base;
};

enum { TASK_IO_PORTS = 0x400 };

struct task_state {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t es, cs, ss, ds, fs, gs, ldt;
    uint16_t debug_trap, io_map_base;
    uint8_t io_map[TASK_IO_PORTS / 8 + 1]; // a set bit denies the port; one byte of ones behind (SDM vol. 1, 19.5.2)
};

// The access byte: P, DPL, S and type.
enum {
    ACCESS_PRESENT = 0x80,
    ACCESS_RING3 = 0x60,
    ACCESS_DATA = 0x11, // S and accessed; read-only unless ACCESS_WRITABLE
    ACCESS_WRITABLE = 0x02,
    ACCESS_EXPAND_DOWN = 0x04,
    ACCESS_CODE = 0x19, // S and accessed; execute-only unless ACCESS_READABLE
    ACCESS_READABLE = 0x02,
    ACCESS_CONFORMING = 0x04,
    SYSTEM_TSS16 = 0x01,
    SYSTEM_LDT = 0x02,
    SYSTEM_TASK_GATE = 0x05,
    SYSTEM_RESERVED = 0x08,
    SYSTEM_TSS = 0x09,
    SYSTEM_TSS_BUSY = 0x0B,
    SYSTEM_CALL_GATE = 0x0C,
    SYSTEM_INTERRUPT_GATE = 0x0E,
    SYSTEM_TRAP_GATE = 0x0F,
};

// The flags nibble next to the limit's upper bits.
enum { SEGMENT_32BIT = 0x4, SEGMENT_PAGES = 0x8, SEGMENT_FLAT = SEGMENT_32BIT | SEGMENT_PAGES };

static inline struct descriptor segment_descriptor(uint32_t base, uint32_t limit, uint32_t access, uint32_t flags)
{
    return (struct descriptor){
        .low = (base << 16) | (limit & 0xFFFF),
        .high = (base & 0xFF000000) | (flags << 20) | (limit & 0xF0000) | (access << 8) | ((base >> 16) & 0xFF),
    };
}

static inline struct descriptor gate_descriptor(uint16_t selector, const void *entry, uint32_t access,
                                                uint32_t parameters)
{
    uint32_t offset = (uint32_t)entry;
    return (struct descriptor){
        .low = ((uint32_t)selector << 16) | (offset & 0xFFFF),
        .high = (offset & 0xFFFF0000) | (access << 8) | parameters,
    };
}
