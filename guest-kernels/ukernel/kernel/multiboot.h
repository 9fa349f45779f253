/* What the boot loader tells (Multiboot 0.6.96, 3.3). */
#ifndef MULTIBOOT_H
#define MULTIBOOT_H
#include <stdint.h>

#define MULTIBOOT_MAGIC 0x2BADB002u

extern char boot_command_line[512];
uint32_t multiboot_read(uint32_t magic, uint32_t information); /* end of usable memory */

#endif
