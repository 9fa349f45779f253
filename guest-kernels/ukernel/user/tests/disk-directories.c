/* Directories: nested, many entries, listing, refusals. */
#include "test.h"

#define FILES 50

static void name(char *path, int i)
{
    strcpy(path, "/disk/a/b/file00");
    path[14] += i / 10;
    path[15] += i % 10;
}

int main(void)
{
    struct directory_entry entry;
    char path[32];
    int before = free_blocks();
    check(mkdir("/disk/a") == 0 && mkdir("/disk/a/b") == 0, "mkdir failed");
    check(mkdir("/disk/a") == -EEXIST && mkdir("/disk/x/y") == -ENOENT, "mkdir took nonsense");
    for (int i = 0; i < FILES; i++) {
        name(path, i);
        int file = open(path, O_WRITE | O_CREATE);
        check(file >= 0 && write(file, &i, sizeof i) == sizeof i && close(file) == 0, "create failed");
    }
    int directory = open("/disk/a/b", O_READ), count = 0, value;
    while (read(directory, &entry, sizeof entry) == sizeof entry)
        count += entry.inode != 0;
    close(directory);
    check(count == FILES, "the listing is not complete");
    check(unlink("/disk/a") == -ENOTEMPTY && unlink("/disk/a/b") == -ENOTEMPTY, "a full directory was removed");
    check(open("/disk/a", O_WRITE) == -EISDIR && open("/disk/a/b/file00/x", O_READ) == -ENOTDIR, "open took nonsense");
    check(open("/disk/a-name-of-more-than-twenty-seven-bytes", O_READ) == -ENAMETOOLONG, "a name too long was taken");
    for (int i = FILES - 1; i >= 0; i--) {
        name(path, i);
        int file = open(path, O_READ);
        check(read(file, &value, sizeof value) == sizeof value && value == i, "a file holds other data");
        close(file);
        check(unlink(path) == 0, "unlink failed");
    }
    check(unlink("/disk/a/b") == 0 && unlink("/disk/a") == 0, "an empty directory was not removed");
    check(before - free_blocks() <= 1, "blocks were lost"); /* the root's own entries may have grown */
    return 0;
}
