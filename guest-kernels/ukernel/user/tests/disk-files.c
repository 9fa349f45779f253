/* Files on the disk: create, write, read back, overwrite, append, holes, truncate. */
#include "test.h"

static uint8_t text[3000], back[3000];

int main(void)
{
    struct file_status status;
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = i * 13;
    check(open("/disk/none", O_READ) == -ENOENT, "a missing file was found");
    int file = open("/disk/file", O_READ | O_WRITE | O_CREATE | O_TRUNCATE);
    check(file >= 0, "create failed");
    check(write(file, text, sizeof text) == sizeof text, "write failed");
    check(lseek(file, 0, SEEK_SET) == 0 && read(file, back, sizeof back) == sizeof back, "read failed");
    check(memcmp(text, back, sizeof text) == 0, "read back something else");
    check(lseek(file, 1000, SEEK_SET) == 1000 && write(file, "HELLO", 5) == 5, "overwrite failed");
    check(lseek(file, 998, SEEK_SET) == 998 && read(file, back, 9) == 9, "read failed");
    check(back[1] == text[999] && memcmp(back + 2, "HELLO", 5) == 0 && back[7] == text[1005], "overwriting hit the wrong bytes");
    close(file);

    file = open("/disk/file", O_WRITE | O_APPEND);
    check(write(file, "tail", 4) == 4 && fstat(file, &status) == 0 && status.size == 3004, "append failed");
    close(file);
    file = open("/disk/file", O_READ | O_WRITE);
    check(lseek(file, 9000, SEEK_SET) == 9000 && write(file, "end", 3) == 3, "writing past the end failed");
    check(lseek(file, 5000, SEEK_SET) == 5000 && read(file, back, 3000) == 3000, "reading a hole failed");
    for (unsigned i = 0; i < sizeof back; i++)
        check(back[i] == 0, "a hole is not zero");
    close(file);
    file = open("/disk/file", O_READ | O_WRITE | O_TRUNCATE);
    check(fstat(file, &status) == 0 && status.size == 0 && read(file, back, 1) == 0, "truncate failed");
    close(file);
    return unlink("/disk/file");
}
