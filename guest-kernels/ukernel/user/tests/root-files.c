/* The read-only root: reading, seeking, directories, and refusals. */
#include "test.h"

int main(void)
{
    char text[512];
    struct directory_entry entry;
    struct file_status status;
    int file = open("/etc/motd", O_READ);
    check(file >= 0 && fstat(file, &status) == 0 && status.type == TYPE_FILE, "open or fstat failed");
    int size = read(file, text, sizeof text);
    check(size == (int)status.size && memcmp(text, "The root", 8) == 0, "read failed");
    check(read(file, text, 1) == 0, "end of file expected");
    check(lseek(file, -12, SEEK_END) == size - 12 && read(file, text, 20) == 12 && memcmp(text, "Third line.\n", 12) == 0, "lseek failed");
    check(lseek(file, 4, SEEK_SET) == 4 && lseek(file, 4, SEEK_CURRENT) == 8 && lseek(file, -9, SEEK_CURRENT) == -EINVAL, "lseek failed");
    check(write(file, "x", 1) == -EBADF, "a file opened for reading was written");
    check(open("/etc/none", O_READ) == -ENOENT && open("/etc/motd/x", O_READ) == -ENOENT, "a missing file was found");
    check(open("/etc/new", O_WRITE | O_CREATE) == -EROFS && unlink("/etc/motd") == -EROFS && mkdir("/x") == -EROFS, "the root was changed");
    int writable = open("/etc/motd", O_WRITE);
    check(write(writable, "x", 1) == -EROFS, "the root was written");

    int directory = open("/etc", O_READ), count = 0;
    while (read(directory, &entry, sizeof entry) == sizeof entry)
        count += strcmp(entry.name, "motd") == 0;
    check(count == 1, "the directory does not list its file");
    check(open("/etc", O_WRITE) == -EISDIR, "a directory was opened for writing");
    return 0;
}
