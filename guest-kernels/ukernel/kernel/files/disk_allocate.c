/* The two bitmaps: a set bit is a block or inode in use. */
#include "files/disk_internal.h"

#define BITS_PER_BLOCK (BLOCK_SIZE * 8)

static uint32_t allocate(uint32_t bitmap, uint32_t count)
{
    for (uint32_t base = 0; base < count; base += BITS_PER_BLOCK) {
        uint32_t *words = block_read(bitmap + base / BITS_PER_BLOCK);
        if (!words)
            return 0;
        for (uint32_t bit = 0; bit < BITS_PER_BLOCK && base + bit < count; bit++) {
            if (words[bit / 32] == 0xFFFFFFFF) {
                bit |= 31;
                continue;
            }
            if (words[bit / 32] & 1u << bit % 32)
                continue;
            words[bit / 32] |= 1u << bit % 32;
            block_dirty(words);
            return base + bit;
        }
    }
    return 0;
}

static void release(uint32_t bitmap, uint32_t number)
{
    uint32_t *words = block_read(bitmap + number / BITS_PER_BLOCK);
    if (!words)
        return;
    words[number % BITS_PER_BLOCK / 32] &= ~(1u << number % 32);
    block_dirty(words);
}

uint32_t disk_allocate_block(void)
{
    uint32_t block = allocate(BLOCK_BITMAP, disk.blocks);
    return block && block_zeroed(block) ? block : 0;
}

void disk_free_block(uint32_t block) { release(BLOCK_BITMAP, block); }
uint32_t disk_allocate_inode(void) { return allocate(INODE_BITMAP, disk.inodes); }
void disk_free_inode(uint32_t number) { release(INODE_BITMAP, number); }

uint32_t disk_count_free_blocks(void)
{
    uint32_t count = 0;
    for (uint32_t bit = 0; bit < disk.blocks; bit++) {
        uint32_t *words = block_read(BLOCK_BITMAP + bit / BITS_PER_BLOCK);
        if (!words)
            break;
        do
            count += !(words[bit % BITS_PER_BLOCK / 32] & 1u << bit % 32);
        while (++bit % BITS_PER_BLOCK && bit < disk.blocks);
        bit--;
    }
    return count;
}
