/* Files and directories of both file systems, and path names. */
#ifndef FILES_INODE_H
#define FILES_INODE_H
#include "abi/files.h"
#include <stdbool.h>
#include <stdint.h>

struct inode;

struct inode_operations {
    int (*read)(struct inode *inode, uint32_t offset, void *buffer, uint32_t count);         /* bytes or -errno */
    int (*write)(struct inode *inode, uint32_t offset, const void *buffer, uint32_t count);
    int (*truncate)(struct inode *inode);
    uint32_t (*size)(struct inode *inode);
    void (*last_release)(struct inode *inode);
};

/* One of each open file: the pair of operations and number names it. */
struct inode {
    const struct inode_operations *operations;
    uint32_t number, references;
    enum file_type type;
};

struct inode *inode_get(const struct inode_operations *operations, uint32_t number, enum file_type type); /* 0: table full */
bool inode_is_open(const struct inode_operations *operations, uint32_t number);
void inode_share(struct inode *inode);
void inode_release(struct inode *inode);
int inode_read(struct inode *inode, uint32_t offset, void *buffer, uint32_t count);

/* Paths: /disk/... is the disk, everything else the read-only root. All return 0 or -errno. */
int inode_open(const char *path, struct inode **result);
int inode_create(const char *path, enum file_type type);
int inode_unlink(const char *path);

#endif
