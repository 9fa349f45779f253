/* Where things are in the 4 GiB of virtual addresses. */
#ifndef MEMORY_LAYOUT_H
#define MEMORY_LAYOUT_H
#include <stdint.h>

#define PAGE_SIZE 4096u
#define LARGE_PAGE_SIZE 0x400000u
#define KERNEL_BASE 0xC0000000u         /* physical 0; all usable memory is mapped from here up */
#define PHYSICAL_LIMIT 0x20000000u      /* at most 512 MiB are used */
#define WINDOW 0xFF800000u              /* one page table for temporary mappings */
#define LARGE_WINDOW 0xFFC00000u        /* one directory entry for temporary large pages */

#define USER_END 0xC0000000u
#define STACK_END 0xBFFFF000u
#define STACK_LIMIT 0x100000u

static inline uint32_t page_floor(uint32_t a) { return a & ~(PAGE_SIZE - 1); }
static inline uint32_t page_ceiling(uint32_t a) { return (a + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1); }
static inline void *physical_to_virtual(uint32_t p) { return (void *)(p + KERNEL_BASE); }
static inline uint32_t virtual_to_physical(const void *v) { return (uint32_t)v - KERNEL_BASE; }

#endif
