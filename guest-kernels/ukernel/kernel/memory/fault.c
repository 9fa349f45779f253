/* Resolves a page fault: demand loading, demand zero (a shared zero frame until the first write), copy-on-write. */
#include "cpu/instructions.h"
#include "files/inode.h"
#include "memory/address_space.h"
#include "memory/frames.h"
#include "memory/paging.h"
#include "string.h"

static uint32_t zero_frame;

static struct region *find_region(struct address_space *space, uint32_t address)
{
    for (int i = 0; i < REGION_COUNT; i++)
        if (address >= space->regions[i].start && address < space->regions[i].end)
            return &space->regions[i];
    return 0;
}

static enum fault_result copy_on_write(page_entry *entry, uint32_t page)
{
    uint32_t frame = *entry & PAGE_FRAME;
    if (frame_is_shared(frame)) {
        uint32_t copy = frame_allocate();
        if (!copy)
            return FAULT_NO_MEMORY;
        memcpy(physical_to_virtual(copy), physical_to_virtual(frame), PAGE_SIZE);
        *entry = copy | PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER;
        frame_release(frame);
    } else {
        *entry = (*entry & ~PAGE_COPY_ON_WRITE) | PAGE_WRITABLE;
    }
    invlpg(page);
    return FAULT_RESOLVED;
}

static enum fault_result load_page(struct address_space *space, const struct region *region, uint32_t page)
{
    uint32_t frame = frame_allocate_zeroed(), offset = page - region->start;
    if (!frame)
        return FAULT_NO_MEMORY;
    uint32_t count = region->file_bytes - offset < PAGE_SIZE ? region->file_bytes - offset : PAGE_SIZE;
    int got = inode_read(region->inode, region->file_offset + offset, physical_to_virtual(frame), count); /* may sleep */
    page_entry *entry = directory_entry_create(space->directory, page);
    if (got != (int)count || !entry) {
        frame_release(frame);
        return entry ? FAULT_BAD_ACCESS : FAULT_NO_MEMORY;
    }
    *entry = frame | PAGE_PRESENT | PAGE_USER | (region->writable ? PAGE_WRITABLE : 0);
    return FAULT_RESOLVED;
}

static enum fault_result zero_page(struct address_space *space, const struct region *region, uint32_t page, bool write)
{
    page_entry *entry = directory_entry_create(space->directory, page);
    if (!entry)
        return FAULT_NO_MEMORY;
    if (write) {
        uint32_t frame = frame_allocate_zeroed();
        if (!frame)
            return FAULT_NO_MEMORY;
        *entry = frame | PAGE_PRESENT | PAGE_USER | PAGE_WRITABLE;
        return FAULT_RESOLVED;
    }
    if (!zero_frame && !(zero_frame = frame_allocate_zeroed()))
        return FAULT_NO_MEMORY;
    frame_share(zero_frame);
    *entry = zero_frame | PAGE_PRESENT | PAGE_USER | (region->writable ? PAGE_COPY_ON_WRITE : 0);
    return FAULT_RESOLVED;
}

enum fault_result address_space_fault(struct address_space *space, uint32_t address, uint32_t error)
{
    uint32_t page = page_floor(address);
    bool write = error & FAULT_WRITE;
    const struct region *region = space->directory ? find_region(space, address) : 0;
    if (!region || (write && !region->writable))
        return FAULT_BAD_ACCESS;

    page_entry *entry = directory_entry(space->directory, page);
    if (entry && *entry & PAGE_PRESENT) {
        if (write && *entry & PAGE_COPY_ON_WRITE)
            return copy_on_write(entry, page);
        invlpg(page); /* the entry allows it already: the TLB held an older one */
        return FAULT_RESOLVED;
    }
    if (region->inode && page - region->start < region->file_bytes)
        return load_page(space, region, page);
    return zero_page(space, region, page, write);
}
