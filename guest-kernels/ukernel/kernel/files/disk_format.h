/* What is on the disk: block 0 unused, 1 the superblock, then inode bitmap, block bitmap, inode table, data. */
#ifndef FILES_DISK_FORMAT_H
#define FILES_DISK_FORMAT_H
#include "abi/files.h"
#include "files/block_cache.h"

#define DISK_MAGIC 0x53466B75u /* "ukFS" */
#define SUPERBLOCK 1u
#define INODE_BITMAP 2u
#define BLOCK_BITMAP 3u
#define ROOT_INODE 1u
#define MAXIMUM_BLOCKS 65536u
#define MAXIMUM_INODES 1024u
#define MINIMUM_BLOCKS 512u

struct superblock { uint32_t magic, blocks, inodes, inode_table, data_start, mounts; };

#define DIRECT_BLOCKS 10
#define POINTERS (BLOCK_SIZE / 4)
#define MAXIMUM_FILE_BLOCKS (DIRECT_BLOCKS + POINTERS + POINTERS * POINTERS)

struct disk_inode {
    uint16_t type, links;
    uint32_t size;
    uint32_t direct[DIRECT_BLOCKS], indirect, double_indirect;
    uint32_t unused[2];
};

#define INODES_PER_BLOCK (BLOCK_SIZE / sizeof(struct disk_inode))

#endif
