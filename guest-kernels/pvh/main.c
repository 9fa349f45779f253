// pvh: is this how PVH starts a kernel? Read start_info.h first.
#include "../lib/cpu.h"
#include "../lib/debug_exit.h"
#include "../lib/print.h"
#include "../lib/uart.h"
#include "start_info.h"

extern uint32_t entry_eflags, entry_cr0, entry_cr4;
extern char kernel_start[], kernel_end[];

enum { CR0_PROTECTION = 0x1, CR0_EXTENSION_TYPE = 0x10, EFLAGS_VIRTUAL_8086 = 0x20000 };

static uint32_t wrong;

static void check(const char *name, bool right)
{
    print("%s %s\n", name, right ? "OK" : "WRONG");
    wrong += !right;
}

static const struct memory_region *map_of(const struct start_info *info)
{
    return (const void *)(uintptr_t)info->memory_map;
}

// Whether all of a range is RAM by the map.
static bool is_ram(const struct start_info *info, uint64_t address, uint64_t size)
{
    for (uint32_t i = 0; i < info->memory_map_entries; i++) {
        const struct memory_region *region = &map_of(info)[i];
        if (region->type == MEMORY_RAM && address >= region->address && address - region->address <= region->size &&
            size <= region->size - (address - region->address))
            return true;
    }
    return false;
}

static bool is_apart_from_kernel(uint64_t address, uint64_t size)
{
    return address + size <= (uintptr_t)kernel_start || address >= (uintptr_t)kernel_end;
}

static void check_processor(void)
{
    check("cr0-protected-mode-only", (entry_cr0 & ~(uint32_t)CR0_EXTENSION_TYPE) == CR0_PROTECTION);
    check("cr4-clear", entry_cr4 == 0);
    check("eflags-if-tf-vm-clear", !(entry_eflags & (EFLAGS_INTERRUPT | EFLAGS_TRAP | EFLAGS_VIRTUAL_8086)));
}

static void check_map(const struct start_info *info)
{
    bool ordered = true, reserved = true;
    for (uint32_t i = 0; i < info->memory_map_entries; i++) {
        const struct memory_region *region = &map_of(info)[i];
        print("map %x size %x type %u\n", (uint32_t)region->address, (uint32_t)region->size, region->type);
        ordered = ordered && region->size && (i == 0 || region->address >= region[-1].address + region[-1].size);
        reserved = reserved && region->reserved == 0;
    }
    check("map-ordered", ordered);
    check("map-reserved-fields", reserved);
    check("kernel-in-ram", is_ram(info, (uintptr_t)kernel_start, (uint32_t)(kernel_end - kernel_start)));
}

static void check_modules(const struct start_info *info)
{
    const struct module *modules = (const void *)(uintptr_t)info->modules;
    for (uint32_t i = 0; i < info->module_count; i++) {
        const struct module *module = &modules[i];
        const uint8_t *bytes = (const void *)(uintptr_t)module->address;
        uint32_t sum = 0;
        for (uint32_t at = 0; at < module->size; at++)
            sum = sum * 31 + bytes[at];
        print("module %u: %u bytes, sum %x", i, (uint32_t)module->size, sum);
        print("%s%s\n", module->command_line ? ", " : "", module->command_line ? (const char *)(uintptr_t)module->command_line : "");
        check("module-in-ram", is_ram(info, module->address, module->size));
        check("module-apart-from-kernel", is_apart_from_kernel(module->address, module->size));
        check("module-reserved-field", module->reserved == 0);
    }
    check("module-list", info->module_count == 0 || is_apart_from_kernel(info->modules, info->module_count * sizeof *modules));
}

// The ACPI root pointer, where there is one, begins with its signature (ACPI 6.5, 5.2.5.3).
static bool is_root_pointer(uint64_t address)
{
    static const char signature[8] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
    for (uint32_t i = 0; address && i < sizeof signature; i++)
        if (((const char *)(uintptr_t)address)[i] != signature[i])
            return false;
    return true;
}

void kernel_main(const struct start_info *info)
{
    uart_init();
    if (!info || info->magic != START_INFO_MAGIC) {
        print("pvh: not started by a PVH loader\n");
        debug_exit(DEBUG_EXIT_FAILURE);
    }
    check_processor();
    check("version", info->version >= 1);
    check("no-flags", info->flags == 0);
    check("reserved-field", info->reserved == 0);
    check("start-info-apart-from-kernel", is_apart_from_kernel((uintptr_t)info, sizeof *info));
    check("root-pointer", is_root_pointer(info->root_pointer));
    print("command line \"%s\"\n", info->command_line ? (const char *)(uintptr_t)info->command_line : "");
    check_map(info);
    check_modules(info);
    print("pvh: %s\n", wrong ? "something is wrong" : "all right");
    debug_exit(wrong ? DEBUG_EXIT_FAILURE : DEBUG_EXIT_SUCCESS);
}
