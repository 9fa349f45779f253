/* A file of 300 blocks needs direct, indirect and double indirect blocks, and more than the cache holds. */
#include "test.h"

#define BLOCKS 300

static uint32_t block[256];

static void fill(unsigned number)
{
    for (unsigned i = 0; i < 256; i++)
        block[i] = number * 0x10001 + i * 3;
}

static void expect(int file, unsigned number)
{
    static uint32_t back[256];
    fill(number);
    check(lseek(file, number * 1024, SEEK_SET) == (int)number * 1024, "lseek failed");
    check(read(file, back, sizeof back) == sizeof back && memcmp(back, block, sizeof back) == 0, "a block holds other data");
}

int main(void)
{
    int before = free_blocks();
    int file = open("/disk/large", O_READ | O_WRITE | O_CREATE | O_TRUNCATE);
    for (unsigned i = 0; i < BLOCKS; i++) {
        fill(i);
        check(write(file, block, sizeof block) == sizeof block, "write failed");
    }
    check(sync(true) == 0, "sync failed");
    for (unsigned i = 0; i < BLOCKS; i++)
        expect(file, i);
    for (unsigned i = 0, at = 7; i < 100; i++, at = (at * 31 + 11) % BLOCKS)
        expect(file, at);
    close(file);
    check(before - free_blocks() == BLOCKS + 3, "the file takes the wrong number of blocks"); /* 1 indirect, 1 double, 1 below */
    check(unlink("/disk/large") == 0 && free_blocks() == before, "unlink did not free the blocks");
    return 0;
}
