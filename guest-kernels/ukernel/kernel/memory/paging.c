/* Builds the kernel's half once: the first 4 MiB in 4 KiB pages so that text is read-only, the rest of memory in
   4 MiB pages where the CPU has them. Every process directory copies these entries, which never change again. */
#include "memory/paging.h"
#include "console.h"
#include "cpu/features.h"
#include "cpu/instructions.h"
#include "memory/frames.h"
#include "memory/layout.h"
#include "string.h"

#define FIRST_KERNEL_ENTRY (KERNEL_BASE / LARGE_PAGE_SIZE)

extern char kernel_start[], kernel_rodata_end[], kernel_end[];

static page_entry kernel_directory[1024] __attribute__((aligned(4096)));
static page_entry image_table[1024] __attribute__((aligned(4096)));
page_entry paging_window_table[1024] __attribute__((aligned(4096)));

uint32_t paging_kernel_directory(void) { return virtual_to_physical(kernel_directory); }

static void fill_table(page_entry *table, uint32_t physical, uint32_t global)
{
    for (int i = 0; i < 1024; i++, physical += PAGE_SIZE) {
        uint32_t address = physical + KERNEL_BASE;
        bool read_only = address >= (uint32_t)kernel_start && address < (uint32_t)kernel_rodata_end;
        table[i] = physical | PAGE_PRESENT | global | (read_only ? 0 : PAGE_WRITABLE);
    }
}

void paging_initialize(uint32_t memory_end)
{
    uint32_t global = cpu_features.pge ? PAGE_GLOBAL : 0;
    uint32_t next = virtual_to_physical(kernel_end); /* the boot directory maps 8 MiB, enough for the tables */

    fill_table(image_table, 0, global);
    kernel_directory[FIRST_KERNEL_ENTRY] = virtual_to_physical(image_table) | PAGE_PRESENT | PAGE_WRITABLE;
    for (uint32_t physical = LARGE_PAGE_SIZE; physical < memory_end; physical += LARGE_PAGE_SIZE) {
        page_entry *entry = &kernel_directory[FIRST_KERNEL_ENTRY + physical / LARGE_PAGE_SIZE];
        if (cpu_features.pse) {
            *entry = physical | PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE | global;
        } else {
            fill_table(physical_to_virtual(next), physical, global);
            *entry = next | PAGE_PRESENT | PAGE_WRITABLE;
            next += PAGE_SIZE;
        }
    }
    kernel_directory[WINDOW / LARGE_PAGE_SIZE] = virtual_to_physical(paging_window_table) | PAGE_PRESENT | PAGE_WRITABLE;

    if (cpu_features.pse)
        write_cr4(read_cr4() | CR4_PSE);
    write_cr3(paging_kernel_directory());
    write_cr0(read_cr0() | CR0_WP);
    if (cpu_features.pge) /* after paging uses the final tables (SDM vol. 3 4.10.2.4) */
        write_cr4(read_cr4() | CR4_PGE);
    frames_initialize(next, memory_end);
}

uint32_t directory_create(void)
{
    uint32_t directory = frame_allocate();
    if (!directory)
        return 0;
    page_entry *entries = physical_to_virtual(directory);
    memset(entries, 0, FIRST_KERNEL_ENTRY * sizeof *entries);
    memcpy(entries + FIRST_KERNEL_ENTRY, kernel_directory + FIRST_KERNEL_ENTRY, (1024 - FIRST_KERNEL_ENTRY) * sizeof *entries);
    return directory;
}

void directory_destroy(uint32_t directory)
{
    page_entry *entries = physical_to_virtual(directory);
    for (uint32_t i = 0; i < FIRST_KERNEL_ENTRY; i++) {
        if (!(entries[i] & PAGE_PRESENT))
            continue;
        page_entry *table = physical_to_virtual(entries[i] & PAGE_FRAME);
        for (int j = 0; j < 1024; j++)
            if (table[j] & PAGE_PRESENT)
                frame_release(table[j] & PAGE_FRAME);
        frame_release(entries[i] & PAGE_FRAME);
    }
    frame_release(directory);
}

page_entry *directory_entry(uint32_t directory, uint32_t address)
{
    page_entry *entries = physical_to_virtual(directory);
    page_entry entry = entries[address / LARGE_PAGE_SIZE];
    if (!(entry & PAGE_PRESENT))
        return 0;
    return (page_entry *)physical_to_virtual(entry & PAGE_FRAME) + address / PAGE_SIZE % 1024;
}

page_entry *directory_entry_create(uint32_t directory, uint32_t address)
{
    page_entry *entry = (page_entry *)physical_to_virtual(directory) + address / LARGE_PAGE_SIZE;
    if (!(*entry & PAGE_PRESENT)) {
        uint32_t table = frame_allocate_zeroed();
        if (!table)
            return 0;
        *entry = table | PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER;
    }
    return directory_entry(directory, address);
}
