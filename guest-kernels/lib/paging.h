// 32-bit paging (SDM vol. 3, 4.3): the first 16 MiB identity-mapped but for page 0, the same again from 3 GiB up, and
// a window of one page table for experiments.
#pragma once
#include <stdint.h>

enum { PAGE_SIZE = 4096, PAGES_PER_TABLE = 1024 };

enum {
    PAGE_PRESENT = 0x01,
    PAGE_WRITABLE = 0x02,
    PAGE_USER = 0x04,
    PAGE_ACCESSED = 0x20,
    PAGE_DIRTY = 0x40,
    PAGE_LARGE = 0x80,
    PAGE_AVAILABLE = 0x200, // for software, ignored by the processor
};

#define PAGING_ALIAS 0xC0000000u  // linear = physical + this
#define PAGING_WINDOW 0x40000000u // 4 MiB, nothing mapped at first

extern uint32_t page_directory[PAGES_PER_TABLE];
extern uint32_t window_table[PAGES_PER_TABLE]; // entry i maps PAGING_WINDOW + i * PAGE_SIZE

// Builds the tables and turns paging on with CR0.WP set. Sections .user and .bss.user are open to ring 3.
void paging_init(void);
