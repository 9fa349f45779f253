/* Reads memory size and command line while the boot mapping still shows the loader's records. */
#include "multiboot.h"
#include "console.h"
#include "memory/layout.h"

#define FLAG_MEMORY 0x1u
#define FLAG_COMMAND_LINE 0x4u
#define BOOT_MAPPED 0x800000u

struct multiboot_information { uint32_t flags, mem_lower, mem_upper, boot_device, cmdline; };

char boot_command_line[512];

uint32_t multiboot_read(uint32_t magic, uint32_t information)
{
    const struct multiboot_information *info = physical_to_virtual(information);
    if (magic != MULTIBOOT_MAGIC || information >= BOOT_MAPPED - PAGE_SIZE || !(info->flags & FLAG_MEMORY))
        panic("not booted by multiboot");
    if (info->flags & FLAG_COMMAND_LINE && info->cmdline < BOOT_MAPPED - sizeof boot_command_line) {
        const char *from = physical_to_virtual(info->cmdline);
        for (uint32_t i = 0; i < sizeof boot_command_line - 1 && from[i]; i++)
            boot_command_line[i] = from[i];
    }
    uint32_t kilobytes = info->mem_upper + 1024; /* mem_upper counts from 1 MiB */
    return kilobytes >= PHYSICAL_LIMIT / 1024 ? PHYSICAL_LIMIT : page_floor(kilobytes * 1024);
}
