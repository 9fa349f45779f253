/* The file system on the IDE disk, as the rest of the kernel uses it. Paths begin below the mount point. */
#ifndef FILES_DISK_FS_H
#define FILES_DISK_FS_H
#include "files/inode.h"

void disk_fs_mount(void);       /* finds the disk; makes the file system when there is none */
bool disk_fs_mounted(void);
int disk_fs_open(const char *path, struct inode **result);
int disk_fs_create(const char *path, enum file_type type);
int disk_fs_unlink(const char *path);   /* files and empty directories */
int disk_fs_sync(bool forget);
int disk_fs_free_blocks(void);

#endif
