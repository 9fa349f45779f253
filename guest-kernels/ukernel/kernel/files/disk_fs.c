/* The disk file system's entry points. One lock covers each operation from its first block to its last. */
#include "files/disk_fs.h"
#include "abi/errors.h"
#include "files/disk_internal.h"
#include "process/lock.h"

static struct lock lock;

static int read(struct inode *inode, uint32_t offset, void *buffer, uint32_t count)
{
    lock_acquire(&lock);
    int result = disk_inode_read(inode->number, offset, buffer, count);
    lock_release(&lock);
    return result;
}

static int write(struct inode *inode, uint32_t offset, const void *buffer, uint32_t count)
{
    if (inode->type == TYPE_DIRECTORY)
        return -EISDIR;
    lock_acquire(&lock);
    int result = disk_inode_write(inode->number, offset, buffer, count);
    lock_release(&lock);
    return result;
}

static int truncate(struct inode *inode)
{
    if (inode->type == TYPE_DIRECTORY)
        return -EISDIR;
    lock_acquire(&lock);
    int result = disk_inode_truncate(inode->number);
    lock_release(&lock);
    return result;
}

static uint32_t size(struct inode *inode)
{
    struct disk_inode disk_inode;
    lock_acquire(&lock);
    bool loaded = disk_inode_load(inode->number, &disk_inode);
    lock_release(&lock);
    return loaded ? disk_inode.size : 0;
}

static void destroy(uint32_t number)
{
    struct disk_inode nothing = { 0 };
    disk_inode_truncate(number);
    disk_inode_store(number, &nothing);
    disk_free_inode(number);
}

static const struct inode_operations operations;

/* A file unlinked while open lives until here; somebody may have opened the number again meanwhile. */
static void last_release(struct inode *inode)
{
    uint32_t number = inode->number; /* the table entry may be reused while this sleeps */
    struct disk_inode disk_inode;
    lock_acquire(&lock);
    if (!inode_is_open(&operations, number) && disk_inode_load(number, &disk_inode) &&
        disk_inode.type != TYPE_NONE && disk_inode.links == 0)
        destroy(number);
    lock_release(&lock);
}

static const struct inode_operations operations = { read, write, truncate, size, last_release };

int disk_fs_open(const char *path, struct inode **result)
{
    struct disk_inode disk_inode;
    *result = 0;
    lock_acquire(&lock);
    int number = disk_lookup(path);
    int error = number < 0 ? number : disk_inode_load(number, &disk_inode) ? 0 : -EIO;
    if (!error && !(*result = inode_get(&operations, number, disk_inode.type)))
        error = -ENFILE;
    lock_release(&lock);
    return error;
}

static int create(const char *path, enum file_type type)
{
    char name[NAME_LENGTH];
    int parent = disk_lookup_parent(path, name);
    if (parent < 0)
        return parent;
    int existing = disk_find_entry(parent, name, 0);
    if (existing != -ENOENT)
        return existing < 0 ? existing : -EEXIST;
    uint32_t number = disk_allocate_inode();
    if (!number)
        return -ENOSPC;
    struct disk_inode inode = { .type = type, .links = 1 };
    int error = disk_inode_store(number, &inode) ? disk_add_entry(parent, name, number) : -EIO;
    if (error)
        destroy(number);
    return error;
}

int disk_fs_create(const char *path, enum file_type type)
{
    lock_acquire(&lock);
    int error = create(path, type);
    lock_release(&lock);
    return error;
}

static int unlink(const char *path)
{
    char name[NAME_LENGTH];
    uint32_t offset;
    struct disk_inode inode;
    int parent = disk_lookup_parent(path, name);
    int number = parent < 0 ? parent : disk_find_entry(parent, name, &offset);
    if (number < 0)
        return number;
    if (!disk_inode_load(number, &inode))
        return -EIO;
    if (inode.type == TYPE_DIRECTORY && !disk_directory_is_empty(number))
        return -ENOTEMPTY;
    int error = disk_remove_entry(parent, offset);
    if (error)
        return error;
    inode.links = 0;
    if (inode_is_open(&operations, number))
        return disk_inode_store(number, &inode) ? 0 : -EIO;
    destroy(number);
    return 0;
}

int disk_fs_unlink(const char *path)
{
    lock_acquire(&lock);
    int error = unlink(path);
    lock_release(&lock);
    return error;
}

int disk_fs_sync(bool forget)
{
    if (!disk_fs_mounted())
        return 0;
    lock_acquire(&lock);
    bool written = block_cache_sync();
    if (forget)
        block_cache_forget();
    lock_release(&lock);
    return written ? 0 : -EIO;
}

int disk_fs_free_blocks(void)
{
    if (!disk_fs_mounted())
        return -ENOENT;
    lock_acquire(&lock);
    int count = disk_count_free_blocks();
    lock_release(&lock);
    return count;
}
