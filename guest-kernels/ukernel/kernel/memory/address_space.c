/* Life of an address space: create, copy-on-write fork, heap growth, destruction. */
#include "memory/address_space.h"
#include "abi/errors.h"
#include "cpu/instructions.h"
#include "files/inode.h"
#include "memory/frames.h"
#include "memory/paging.h"
#include "string.h"

bool address_space_create(struct address_space *space)
{
    memset(space, 0, sizeof *space);
    space->regions[REGION_STACK] = (struct region){ .start = STACK_END - STACK_LIMIT, .end = STACK_END, .writable = true };
    space->directory = directory_create();
    return space->directory != 0;
}

static uint32_t heap_pages(const struct address_space *space)
{
    return (space->regions[REGION_HEAP].end - space->regions[REGION_HEAP].start) / PAGE_SIZE;
}

void address_space_destroy(struct address_space *space)
{
    if (!space->directory)
        return;
    frames_uncommit(heap_pages(space));
    for (int i = 0; i < REGION_COUNT; i++)
        if (space->regions[i].inode)
            inode_release(space->regions[i].inode);
    directory_destroy(space->directory);
    memset(space, 0, sizeof *space);
}

/* Shares every present page of one region; writable ones become read-only in both until the first write. */
static bool share_region(uint32_t from, uint32_t to, const struct region *region)
{
    for (uint32_t address = region->start; address < region->end; address += PAGE_SIZE) {
        page_entry *source = directory_entry(from, address);
        if (!source) { /* no page table: skip to the next one */
            address = (address | (LARGE_PAGE_SIZE - 1)) - (PAGE_SIZE - 1);
            continue;
        }
        if (!(*source & PAGE_PRESENT))
            continue;
        page_entry *target = directory_entry_create(to, address);
        if (!target)
            return false;
        if (*source & PAGE_WRITABLE)
            *source = (*source & ~PAGE_WRITABLE) | PAGE_COPY_ON_WRITE;
        *target = *source & ~(PAGE_ACCESSED | PAGE_DIRTY);
        frame_share(*source & PAGE_FRAME);
    }
    return true;
}

bool address_space_fork(struct address_space *parent, struct address_space *child)
{
    if (!frames_commit(heap_pages(parent)))
        return false;
    uint32_t directory = directory_create();
    if (!directory) {
        frames_uncommit(heap_pages(parent));
        return false;
    }
    *child = *parent;
    child->directory = directory;
    bool complete = true;
    for (int i = 0; i < REGION_COUNT; i++) {
        if (child->regions[i].inode)
            inode_share(child->regions[i].inode);
        complete = complete && share_region(parent->directory, directory, &parent->regions[i]);
    }
    write_cr3(parent->directory); /* the parent's pages lost their write permission */
    if (!complete)
        address_space_destroy(child);
    return complete;
}

static void unmap(struct address_space *space, uint32_t start, uint32_t end)
{
    for (uint32_t address = start; address < end; address += PAGE_SIZE) {
        page_entry *entry = directory_entry(space->directory, address);
        if (!entry || !(*entry & PAGE_PRESENT))
            continue;
        uint32_t frame = *entry & PAGE_FRAME;
        *entry = 0;
        invlpg(address);
        frame_release(frame);
    }
}

int address_space_sbrk(struct address_space *space, int delta)
{
    struct region *heap = &space->regions[REGION_HEAP];
    uint32_t old = space->heap_end;
    if (delta >= 0) {
        if ((uint32_t)delta > space->regions[REGION_STACK].start - PAGE_SIZE - old)
            return -ENOMEM;
        uint32_t end = page_ceiling(old + delta);
        if (!frames_commit((end - heap->end) / PAGE_SIZE))
            return -ENOMEM;
        heap->end = end;
    } else {
        if (-(uint32_t)delta > old - heap->start)
            return -EINVAL;
        uint32_t end = page_ceiling(old + delta);
        unmap(space, end, heap->end);
        frames_uncommit((heap->end - end) / PAGE_SIZE);
        heap->end = end;
    }
    space->heap_end = old + delta;
    return old;
}
