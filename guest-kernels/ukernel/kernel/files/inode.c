/* The table of open inodes, and which file system a path names. */
#include "files/inode.h"
#include "abi/errors.h"
#include "files/disk_fs.h"
#include "files/rootfs.h"

#define INODE_COUNT 64

static struct inode inodes[INODE_COUNT];

bool inode_is_open(const struct inode_operations *operations, uint32_t number)
{
    for (struct inode *i = inodes; i < inodes + INODE_COUNT; i++)
        if (i->references && i->operations == operations && i->number == number)
            return true;
    return false;
}

struct inode *inode_get(const struct inode_operations *operations, uint32_t number, enum file_type type)
{
    struct inode *unused = 0;
    for (struct inode *i = inodes; i < inodes + INODE_COUNT; i++) {
        if (!i->references) {
            unused = i;
        } else if (i->operations == operations && i->number == number) {
            i->references++;
            return i;
        }
    }
    if (unused)
        *unused = (struct inode){ operations, number, 1, type };
    return unused;
}

void inode_share(struct inode *inode) { inode->references++; }

void inode_release(struct inode *inode)
{
    if (--inode->references == 0 && inode->operations->last_release)
        inode->operations->last_release(inode);
}

int inode_read(struct inode *inode, uint32_t offset, void *buffer, uint32_t count)
{
    return inode->operations->read(inode, offset, buffer, count);
}

/* The path below the mount point, or 0 when it lies in the root. */
static const char *below_disk(const char *path)
{
    static const char mount_point[] = "disk";
    while (*path == '/')
        path++;
    for (const char *m = mount_point; *m; m++, path++)
        if (*path != *m)
            return 0;
    return disk_fs_mounted() && (*path == '/' || !*path) ? path : 0;
}

int inode_open(const char *path, struct inode **result)
{
    const char *on_disk = below_disk(path);
    return on_disk ? disk_fs_open(on_disk, result) : rootfs_open(path, result);
}

int inode_create(const char *path, enum file_type type)
{
    const char *on_disk = below_disk(path);
    return on_disk ? disk_fs_create(on_disk, type) : -EROFS;
}

int inode_unlink(const char *path)
{
    const char *on_disk = below_disk(path);
    return on_disk ? disk_fs_unlink(on_disk) : -EROFS;
}
