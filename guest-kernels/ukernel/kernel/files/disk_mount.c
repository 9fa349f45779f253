/* Finds the disk and its superblock; a disk without ours gets a new, empty file system. */
#include "console.h"
#include "drivers/ide.h"
#include "files/disk_fs.h"
#include "files/disk_internal.h"
#include "string.h"

struct superblock disk;
static bool mounted;

bool disk_fs_mounted(void) { return mounted; }

static void set_bits(uint32_t bitmap, uint32_t count)
{
    for (uint32_t bit = 0; bit < count; bit++) {
        uint32_t *words = block_read(bitmap + bit / (BLOCK_SIZE * 8));
        words[bit % (BLOCK_SIZE * 8) / 32] |= 1u << bit % 32;
        block_dirty(words);
    }
}

static bool make(uint32_t blocks)
{
    uint32_t bitmap_blocks = (blocks + BLOCK_SIZE * 8 - 1) / (BLOCK_SIZE * 8);
    disk = (struct superblock){ .magic = DISK_MAGIC, .blocks = blocks };
    disk.inodes = blocks / 8 < MAXIMUM_INODES ? blocks / 8 / INODES_PER_BLOCK * INODES_PER_BLOCK : MAXIMUM_INODES;
    disk.inode_table = BLOCK_BITMAP + bitmap_blocks;
    disk.data_start = disk.inode_table + disk.inodes / INODES_PER_BLOCK;
    for (uint32_t block = INODE_BITMAP; block < disk.data_start; block++)
        if (!block_zeroed(block))
            return false;
    set_bits(BLOCK_BITMAP, disk.data_start);
    set_bits(INODE_BITMAP, ROOT_INODE + 1); /* inode 0 marks free directory entries */
    struct disk_inode root = { .type = TYPE_DIRECTORY, .links = 1 };
    return disk_inode_store(ROOT_INODE, &root);
}

void disk_fs_mount(void)
{
    if (!ide_initialize()) {
        print("ide: no disk, file system tests skipped\n");
        return;
    }
    uint32_t blocks = ide_sector_count() / (BLOCK_SIZE / SECTOR_SIZE);
    if (blocks < MINIMUM_BLOCKS) {
        print("ide: the disk is too small, file system tests skipped\n");
        return;
    }
    const struct superblock *found = block_read(SUPERBLOCK);
    bool ours = found && found->magic == DISK_MAGIC && found->blocks <= blocks;
    if (ours)
        disk = *found;
    else if (!make(blocks < MAXIMUM_BLOCKS ? blocks : MAXIMUM_BLOCKS))
        panic("cannot write the disk");
    disk.mounts++;
    struct superblock *target = block_zeroed(SUPERBLOCK);
    if (!target)
        panic("cannot write the disk");
    *target = disk;
    block_cache_sync();
    mounted = true;
    if (ours)
        print("ide: disk found, mounted %u times\n", disk.mounts);
    else
        print("ide: disk found, new file system made\n");
}
