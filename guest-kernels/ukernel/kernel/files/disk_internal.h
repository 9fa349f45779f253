/* Parts of the disk file system that share its lock: disk_allocate.c, disk_inode.c, disk_directory.c. */
#ifndef FILES_DISK_INTERNAL_H
#define FILES_DISK_INTERNAL_H
#include "files/disk_format.h"
#include <stdbool.h>
#include <stdint.h>

extern struct superblock disk;

/* disk_allocate.c: bit numbers; 0 when none is free or the disk fails */
uint32_t disk_allocate_block(void);     /* zeroed */
void disk_free_block(uint32_t block);
uint32_t disk_allocate_inode(void);
void disk_free_inode(uint32_t number);
uint32_t disk_count_free_blocks(void);

/* disk_inode.c: results are bytes or -errno */
bool disk_inode_load(uint32_t number, struct disk_inode *inode);
bool disk_inode_store(uint32_t number, const struct disk_inode *inode);
int disk_inode_read(uint32_t number, uint32_t offset, void *buffer, uint32_t count);
int disk_inode_write(uint32_t number, uint32_t offset, const void *buffer, uint32_t count);
int disk_inode_truncate(uint32_t number);

/* disk_directory.c: results are inode numbers (or 0) or -errno */
int disk_lookup(const char *path);
int disk_lookup_parent(const char *path, char name[NAME_LENGTH]);
int disk_find_entry(uint32_t directory, const char *name, uint32_t *offset);
int disk_add_entry(uint32_t directory, const char *name, uint32_t number);
int disk_remove_entry(uint32_t directory, uint32_t offset);
bool disk_directory_is_empty(uint32_t directory);

#endif
