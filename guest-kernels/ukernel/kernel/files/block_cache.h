/* Write-back cache of 1 KiB disk blocks. Callers hold the file system's lock. */
#ifndef FILES_BLOCK_CACHE_H
#define FILES_BLOCK_CACHE_H
#include <stdbool.h>
#include <stdint.h>

#define BLOCK_SIZE 1024u

/* The data stay in place until CACHE_BLOCKS - 1 other blocks have been asked for. 0: the disk failed. */
void *block_read(uint32_t block);
void *block_zeroed(uint32_t block);     /* dirty, without reading the disk */
void block_dirty(const void *data);
bool block_cache_sync(void);
void block_cache_forget(void);          /* after a sync: the next read comes from the disk */

#endif
