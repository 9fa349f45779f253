/* The user half of a process: a page directory and the regions that say what a missing page should hold. */
#ifndef MEMORY_ADDRESS_SPACE_H
#define MEMORY_ADDRESS_SPACE_H
#include "memory/layout.h"
#include <stdbool.h>
#include <stdint.h>

struct inode;

enum region_kind { REGION_TEXT, REGION_DATA, REGION_HEAP, REGION_STACK, REGION_COUNT };

/* [start, end), page aligned. The first file_bytes come from the inode at file_offset, the rest is zero. */
struct region {
    uint32_t start, end;
    bool writable;
    struct inode *inode;
    uint32_t file_offset, file_bytes;
};

struct address_space {
    uint32_t directory;     /* physical; 0 for kernel threads */
    uint32_t heap_end;      /* byte-exact break; the heap's region ends at the page above */
    struct region regions[REGION_COUNT];
};

enum fault_result { FAULT_RESOLVED, FAULT_BAD_ACCESS, FAULT_NO_MEMORY };

/* The bit of the page-fault error code that matters here (SDM vol. 3 4.7). */
#define FAULT_WRITE 2u

bool address_space_create(struct address_space *space);
void address_space_destroy(struct address_space *space);
bool address_space_fork(struct address_space *parent, struct address_space *child);
int address_space_sbrk(struct address_space *space, int delta);     /* the old break or -errno */
enum fault_result address_space_fault(struct address_space *space, uint32_t address, uint32_t error);

#endif
