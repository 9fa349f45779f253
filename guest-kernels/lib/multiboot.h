// Multiboot 1: the header a loader looks for, and the part of its information record that these kernels read
// (Multiboot Specification 0.6.96, 3.1.1 and 3.3).
#pragma once

#define MULTIBOOT_HEADER_MAGIC 0x1BADB002
#define MULTIBOOT_HEADER_FLAGS 0x00000003 // modules on page boundaries, memory sizes wanted
#define MULTIBOOT_LOADER_MAGIC 0x2BADB002

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

#define MULTIBOOT_INFO_COMMAND_LINE (1u << 2)

struct multiboot_info {
    uint32_t flags;
    uint32_t memory_lower_kib;
    uint32_t memory_upper_kib;
    uint32_t boot_device;
    uint32_t command_line; // physical address of a C string
};

// Whether the blank-separated word stands on the kernel's command line.
bool command_line_has(const struct multiboot_info *info, const char *word);
#endif
