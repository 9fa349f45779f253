/* Disk inodes: where their blocks are (direct, indirect, double indirect), and byte-wise access. */
#include "abi/errors.h"
#include "files/disk_internal.h"
#include "string.h"

static struct disk_inode *locate(uint32_t number)
{
    struct disk_inode *table = block_read(disk.inode_table + number / INODES_PER_BLOCK);
    return table ? table + number % INODES_PER_BLOCK : 0;
}

bool disk_inode_load(uint32_t number, struct disk_inode *inode)
{
    const struct disk_inode *source = locate(number);
    if (source)
        *inode = *source;
    return source;
}

bool disk_inode_store(uint32_t number, const struct disk_inode *inode)
{
    struct disk_inode *target = locate(number);
    if (target) {
        *target = *inode;
        block_dirty((uint8_t *)target - number % INODES_PER_BLOCK * sizeof *target);
    }
    return target;
}

/* Follows one pointer inside an indirect block, allocating what is missing if asked to. */
static uint32_t follow(uint32_t indirect, uint32_t index, bool allocate)
{
    uint32_t *pointers = indirect ? block_read(indirect) : 0;
    if (!pointers || pointers[index] || !allocate)
        return pointers ? pointers[index] : 0;
    uint32_t block = disk_allocate_block();
    if (block && (pointers = block_read(indirect))) {
        pointers[index] = block;
        block_dirty(pointers);
    }
    return block;
}

static uint32_t direct(uint32_t *pointer, bool allocate)
{
    if (!*pointer && allocate)
        *pointer = disk_allocate_block();
    return *pointer;
}

/* The disk block of a file block; 0: a hole, or no space. */
static uint32_t map(struct disk_inode *inode, uint32_t block, bool allocate)
{
    if (block < DIRECT_BLOCKS)
        return direct(&inode->direct[block], allocate);
    block -= DIRECT_BLOCKS;
    if (block < POINTERS)
        return follow(direct(&inode->indirect, allocate), block, allocate);
    block -= POINTERS;
    return follow(follow(direct(&inode->double_indirect, allocate), block / POINTERS, allocate), block % POINTERS, allocate);
}

int disk_inode_read(uint32_t number, uint32_t offset, void *buffer, uint32_t count)
{
    struct disk_inode inode;
    if (!disk_inode_load(number, &inode))
        return -EIO;
    if (offset >= inode.size)
        return 0;
    if (count > inode.size - offset)
        count = inode.size - offset;
    for (uint32_t done = 0, chunk; done < count; done += chunk) {
        uint32_t at = (offset + done) % BLOCK_SIZE;
        chunk = BLOCK_SIZE - at < count - done ? BLOCK_SIZE - at : count - done;
        uint32_t block = map(&inode, (offset + done) / BLOCK_SIZE, false);
        const uint8_t *data = block ? block_read(block) : 0;
        if (block && !data)
            return -EIO;
        if (block)
            memcpy((uint8_t *)buffer + done, data + at, chunk);
        else
            memset((uint8_t *)buffer + done, 0, chunk);
    }
    return count;
}

int disk_inode_write(uint32_t number, uint32_t offset, const void *buffer, uint32_t count)
{
    struct disk_inode inode;
    if (!disk_inode_load(number, &inode))
        return -EIO;
    int error = 0;
    uint32_t done = 0, chunk;
    for (; done < count; done += chunk) {
        uint32_t at = (offset + done) % BLOCK_SIZE, file_block = (offset + done) / BLOCK_SIZE;
        chunk = BLOCK_SIZE - at < count - done ? BLOCK_SIZE - at : count - done;
        uint32_t block = file_block < MAXIMUM_FILE_BLOCKS ? map(&inode, file_block, true) : 0;
        uint8_t *data = block ? block_read(block) : 0;
        if (!data) {
            error = file_block >= MAXIMUM_FILE_BLOCKS ? -EFBIG : block ? -EIO : -ENOSPC;
            break;
        }
        memcpy(data + at, (const uint8_t *)buffer + done, chunk);
        block_dirty(data);
    }
    if (offset + done > inode.size && done)
        inode.size = offset + done;
    if (!disk_inode_store(number, &inode))
        return -EIO;
    return done ? (int)done : error;
}

/* Frees a tree of pointers; depth 0 is a data block. */
static void free_tree(uint32_t block, int depth)
{
    if (!block)
        return;
    for (uint32_t i = 0; depth && i < POINTERS; i++) {
        const uint32_t *pointers = block_read(block); /* again: the deeper level may have evicted it */
        if (pointers && pointers[i])
            free_tree(pointers[i], depth - 1);
    }
    disk_free_block(block);
}

int disk_inode_truncate(uint32_t number)
{
    struct disk_inode inode;
    if (!disk_inode_load(number, &inode))
        return -EIO;
    for (int i = 0; i < DIRECT_BLOCKS; i++)
        free_tree(inode.direct[i], 0);
    free_tree(inode.indirect, 1);
    free_tree(inode.double_indirect, 2);
    memset(inode.direct, 0, sizeof inode.direct);
    inode.indirect = inode.double_indirect = inode.size = 0;
    return disk_inode_store(number, &inode) ? 0 : -EIO;
}
