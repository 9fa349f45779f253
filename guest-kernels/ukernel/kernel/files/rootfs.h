/* The read-only root: files linked into the kernel. The Makefile writes the table (rootfs.S). */
#ifndef FILES_ROOTFS_H
#define FILES_ROOTFS_H
#include "files/inode.h"

struct embedded_file { const char *name; const uint8_t *data; uint32_t size; };
extern const struct embedded_file embedded_files[], embedded_files_end[];

int rootfs_open(const char *path, struct inode **result);

#endif
