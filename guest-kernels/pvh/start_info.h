// What a PVH kernel is given: Xen public/arch-x86/hvm/start_info.h, version 1. Addresses are physical, 0 where there is nothing.
#pragma once
#include <stdint.h>

#define START_INFO_MAGIC 0x336EC578

struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, root_pointer, memory_map;
    uint32_t memory_map_entries, reserved;
};

struct module {
    uint64_t address, size, command_line, reserved;
};

enum { MEMORY_RAM = 1 };

struct memory_region {
    uint64_t address, size;
    uint32_t type, reserved;
};
