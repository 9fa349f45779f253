/* unlink takes the name at once, the blocks when the last descriptor closes. */
#include "test.h"

int main(void)
{
    char back[8];
    int before = free_blocks();
    int file = open("/disk/gone", O_READ | O_WRITE | O_CREATE);
    check(write(file, "content", 8) == 8, "write failed");
    check(unlink("/disk/gone") == 0, "unlink failed");
    check(open("/disk/gone", O_READ) == -ENOENT && unlink("/disk/gone") == -ENOENT, "the name is still there");
    int other = open("/disk/gone", O_WRITE | O_CREATE);
    check(other >= 0 && write(other, "another", 8) == 8, "the name cannot be used again");
    check(lseek(file, 0, SEEK_SET) == 0 && read(file, back, 8) == 8 && strcmp(back, "content") == 0, "an open file lost its data");
    close(file);
    close(other);
    check(unlink("/disk/gone") == 0 && free_blocks() == before, "blocks were lost");
    return 0;
}
