/* Serves embedded files and the directories that their names imply. */
#include "files/rootfs.h"
#include "abi/errors.h"
#include "files/disk_fs.h"
#include "string.h"

/* Inode numbers: 1.. are directories in this order, FIRST_FILE.. the embedded files. */
static const char *const directories[] = { "", "bin", "etc", "tests" };
#define DIRECTORY_COUNT (sizeof directories / sizeof *directories)
#define FIRST_FILE 16u

static const struct embedded_file *file_of(const struct inode *inode) { return &embedded_files[inode->number - FIRST_FILE]; }

static int read_file(struct inode *inode, uint32_t offset, void *buffer, uint32_t count)
{
    const struct embedded_file *file = file_of(inode);
    if (offset >= file->size)
        return 0;
    if (count > file->size - offset)
        count = file->size - offset;
    memcpy(buffer, file->data + offset, count);
    return count;
}

static void set_name(struct directory_entry *entry, const char *name)
{
    memset(entry->name, 0, sizeof entry->name);
    for (uint32_t i = 0; i < sizeof entry->name - 1 && name[i]; i++)
        entry->name[i] = name[i];
}

/* Entry number `index` of a directory. */
static bool nth_entry(const struct inode *inode, uint32_t index, struct directory_entry *entry)
{
    const char *directory = directories[inode->number - 1];
    uint32_t length = string_length(directory);
    if (length == 0) {
        entry->inode = index + 2;
        set_name(entry, index + 1 < DIRECTORY_COUNT ? directories[index + 1] : "disk");
        return index + 1 < DIRECTORY_COUNT || (index + 1 == DIRECTORY_COUNT && disk_fs_mounted());
    }
    for (const struct embedded_file *file = embedded_files; file < embedded_files_end; file++) {
        uint32_t i = 0;
        while (i < length && file->name[i] == directory[i])
            i++;
        if (i != length || file->name[i] != '/' || index-- != 0)
            continue;
        entry->inode = file - embedded_files + FIRST_FILE;
        set_name(entry, file->name + length + 1);
        return true;
    }
    return false;
}

static int read_directory(struct inode *inode, uint32_t offset, void *buffer, uint32_t count)
{
    struct directory_entry *entry = buffer;
    uint32_t done = 0;
    for (; count - done >= sizeof *entry; done += sizeof *entry)
        if (!nth_entry(inode, (offset + done) / sizeof *entry, entry++))
            break;
    return done;
}

static int write(struct inode *inode, uint32_t offset, const void *buffer, uint32_t count) { return -EROFS; }
static int truncate(struct inode *inode) { return -EROFS; }
static uint32_t file_size(struct inode *inode) { return file_of(inode)->size; }
static uint32_t directory_size(struct inode *inode) { return 0; }

static const struct inode_operations file_operations = { read_file, write, truncate, file_size, 0 };
static const struct inode_operations directory_operations = { read_directory, write, truncate, directory_size, 0 };

int rootfs_open(const char *path, struct inode **result)
{
    while (*path == '/')
        path++;
    *result = 0;
    for (uint32_t i = 0; i < DIRECTORY_COUNT; i++)
        if (strings_equal(path, directories[i]))
            return (*result = inode_get(&directory_operations, i + 1, TYPE_DIRECTORY)) ? 0 : -ENFILE;
    for (const struct embedded_file *file = embedded_files; file < embedded_files_end; file++)
        if (strings_equal(path, file->name))
            return (*result = inode_get(&file_operations, file - embedded_files + FIRST_FILE, TYPE_FILE)) ? 0 : -ENFILE;
    return -ENOENT;
}
