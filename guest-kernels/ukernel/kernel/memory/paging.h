/* Page tables: entry bits, the kernel's half, and directories of processes. */
#ifndef MEMORY_PAGING_H
#define MEMORY_PAGING_H
#include <stdint.h>

#define PAGE_PRESENT  0x001u
#define PAGE_WRITABLE 0x002u
#define PAGE_USER     0x004u
#define PAGE_ACCESSED 0x020u
#define PAGE_DIRTY    0x040u
#define PAGE_LARGE    0x080u
#define PAGE_GLOBAL   0x100u
#define PAGE_COPY_ON_WRITE 0x200u /* one of the bits the CPU leaves to software (SDM vol. 3 4.3) */
#define PAGE_FRAME    0xFFFFF000u

typedef uint32_t page_entry;

void paging_initialize(uint32_t memory_end);    /* returns with the final kernel directory loaded */
uint32_t paging_kernel_directory(void);
extern page_entry paging_window_table[1024];    /* maps WINDOW */

uint32_t directory_create(void);                /* physical address; 0 when memory is out */
void directory_destroy(uint32_t directory);     /* frees the user half with every frame in it */
page_entry *directory_entry(uint32_t directory, uint32_t address);          /* 0: no page table there */
page_entry *directory_entry_create(uint32_t directory, uint32_t address);   /* 0: memory is out */

#endif
