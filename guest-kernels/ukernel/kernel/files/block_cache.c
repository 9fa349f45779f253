/* Least recently used blocks give way; dirty ones are written first. */
#include "files/block_cache.h"
#include "drivers/ide.h"
#include "string.h"

#define CACHE_BLOCKS 32
#define SECTORS_PER_BLOCK (BLOCK_SIZE / SECTOR_SIZE)

static struct { uint32_t block, last_use; bool valid, dirty; } slots[CACHE_BLOCKS];
static uint8_t data[CACHE_BLOCKS][BLOCK_SIZE] __attribute__((aligned(BLOCK_SIZE))); /* a device that takes pages finds each in one */
static uint32_t clock;

static bool write_back(uint32_t slot)
{
    if (slots[slot].valid && slots[slot].dirty) {
        if (!ide_write(slots[slot].block * SECTORS_PER_BLOCK, SECTORS_PER_BLOCK, data[slot]))
            return false;
        slots[slot].dirty = false;
    }
    return true;
}

/* The slot of the block, or the oldest one emptied for it; -1 when its old content could not be written. */
static int find_slot(uint32_t block)
{
    uint32_t oldest = 0;
    for (uint32_t i = 0; i < CACHE_BLOCKS; i++) {
        if (slots[i].valid && slots[i].block == block)
            return i;
        if (!slots[i].valid || (slots[oldest].valid && slots[i].last_use < slots[oldest].last_use))
            oldest = i;
    }
    if (!write_back(oldest))
        return -1;
    slots[oldest].valid = false;
    return oldest;
}

static void *claim(uint32_t slot, uint32_t block)
{
    slots[slot].block = block;
    slots[slot].valid = true;
    slots[slot].last_use = ++clock;
    return data[slot];
}

void *block_read(uint32_t block)
{
    int slot = find_slot(block);
    if (slot < 0)
        return 0;
    if (!slots[slot].valid && !ide_read(block * SECTORS_PER_BLOCK, SECTORS_PER_BLOCK, data[slot]))
        return 0;
    return claim(slot, block);
}

void *block_zeroed(uint32_t block)
{
    int slot = find_slot(block);
    if (slot < 0)
        return 0;
    slots[slot].dirty = true;
    return memset(claim(slot, block), 0, BLOCK_SIZE);
}

void block_dirty(const void *pointer) { slots[((const uint8_t *)pointer - data[0]) / BLOCK_SIZE].dirty = true; }

bool block_cache_sync(void)
{
    for (uint32_t i = 0; i < CACHE_BLOCKS; i++)
        if (!write_back(i))
            return false;
    return ide_flush();
}

void block_cache_forget(void)
{
    for (uint32_t i = 0; i < CACHE_BLOCKS; i++)
        slots[i].valid = slots[i].valid && slots[i].dirty;
}
