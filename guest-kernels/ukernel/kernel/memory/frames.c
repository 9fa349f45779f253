/* Free frames form a list threaded through themselves; used ones have a reference count (copy-on-write shares them). */
#include "memory/frames.h"
#include "console.h"
#include "memory/layout.h"
#include "string.h"

#define RESERVED 768 /* frames never promised to heaps: page tables, stacks, program text */

static uint32_t *references; /* indexed by frame number */
static uint32_t free_list, free_count, committed, commit_limit;

void frames_initialize(uint32_t first, uint32_t end)
{
    uint32_t table = page_ceiling(end / PAGE_SIZE * sizeof *references);
    references = physical_to_virtual(first);
    memset(references, 0, table);
    for (uint32_t frame = end; frame > first + table; ) { /* downwards: the list yields low addresses first */
        frame -= PAGE_SIZE;
        references[frame / PAGE_SIZE] = 1;
        frame_release(frame);
    }
    if (free_count < 2 * RESERVED)
        panic("too little memory: %u KiB free", free_count * 4);
    commit_limit = free_count - RESERVED;
}

uint32_t frame_allocate(void)
{
    uint32_t frame = free_list;
    if (!frame)
        return 0;
    free_list = *(uint32_t *)physical_to_virtual(frame);
    free_count--;
    references[frame / PAGE_SIZE] = 1;
    return frame;
}

uint32_t frame_allocate_zeroed(void)
{
    uint32_t frame = frame_allocate();
    if (frame)
        memset(physical_to_virtual(frame), 0, PAGE_SIZE);
    return frame;
}

void frame_share(uint32_t frame) { references[frame / PAGE_SIZE]++; }

void frame_release(uint32_t frame)
{
    if (references[frame / PAGE_SIZE] == 0)
        panic("frame %x released twice", frame);
    if (--references[frame / PAGE_SIZE])
        return;
    *(uint32_t *)physical_to_virtual(frame) = free_list;
    free_list = frame;
    free_count++;
}

bool frame_is_shared(uint32_t frame) { return references[frame / PAGE_SIZE] > 1; }
uint32_t frames_free(void) { return free_count; }

bool frames_commit(uint32_t count)
{
    if (count > commit_limit - committed)
        return false;
    committed += count;
    return true;
}

void frames_uncommit(uint32_t count) { committed -= count; }
