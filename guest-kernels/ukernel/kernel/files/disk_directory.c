/* Directories are files of fixed-size entries; paths are walked from the root inode. */
#include "abi/errors.h"
#include "files/disk_internal.h"
#include "string.h"

int disk_find_entry(uint32_t directory, const char *name, uint32_t *offset)
{
    struct directory_entry entry;
    struct disk_inode inode;
    if (!disk_inode_load(directory, &inode))
        return -EIO;
    if (inode.type != TYPE_DIRECTORY)
        return -ENOTDIR;
    for (uint32_t at = 0; disk_inode_read(directory, at, &entry, sizeof entry) == sizeof entry; at += sizeof entry) {
        if (entry.inode && strings_equal(entry.name, name)) {
            if (offset)
                *offset = at;
            return entry.inode;
        }
    }
    return -ENOENT;
}

int disk_add_entry(uint32_t directory, const char *name, uint32_t number)
{
    struct directory_entry entry;
    uint32_t at = 0;
    while (disk_inode_read(directory, at, &entry, sizeof entry) == sizeof entry && entry.inode)
        at += sizeof entry;
    memset(&entry, 0, sizeof entry);
    entry.inode = number;
    memcpy(entry.name, name, string_length(name));
    int written = disk_inode_write(directory, at, &entry, sizeof entry);
    return written == sizeof entry ? 0 : written < 0 ? written : -ENOSPC;
}

int disk_remove_entry(uint32_t directory, uint32_t offset)
{
    static const struct directory_entry empty;
    int written = disk_inode_write(directory, offset, &empty, sizeof empty);
    return written < 0 ? written : 0;
}

bool disk_directory_is_empty(uint32_t directory)
{
    struct directory_entry entry;
    for (uint32_t at = 0; disk_inode_read(directory, at, &entry, sizeof entry) == sizeof entry; at += sizeof entry)
        if (entry.inode)
            return false;
    return true;
}

/* Cuts the next component off a path; its length, 0 at the end, or -ENAMETOOLONG. */
static int next_component(const char **path, char name[NAME_LENGTH])
{
    uint32_t length = 0;
    while (**path == '/')
        ++*path;
    for (; **path && **path != '/'; ++*path) {
        if (length == NAME_LENGTH - 1)
            return -ENAMETOOLONG;
        name[length++] = **path;
    }
    name[length] = 0;
    return length;
}

int disk_lookup(const char *path)
{
    char name[NAME_LENGTH];
    int number = ROOT_INODE, length;
    while (number > 0 && (length = next_component(&path, name)) != 0)
        number = length < 0 ? length : disk_find_entry(number, name, 0);
    return number;
}

int disk_lookup_parent(const char *path, char name[NAME_LENGTH])
{
    int number = ROOT_INODE;
    int length = next_component(&path, name);
    if (length <= 0)
        return length < 0 ? length : -EEXIST; /* the root itself has no parent to name it */
    for (;;) {
        char next[NAME_LENGTH];
        length = next_component(&path, next);
        if (length < 0)
            return length;
        if (length == 0)
            return number;
        number = disk_find_entry(number, name, 0);
        if (number < 0)
            return number;
        memcpy(name, next, sizeof next);
    }
}
