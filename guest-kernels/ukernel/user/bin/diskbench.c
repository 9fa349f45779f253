/* What the disk costs: writes a file past the cache, then reads it back. One line a measurement, as guest-kernels/debian/programs/disk has it. */
#include "user.h"

#define BLOCK 1024
#define BLOCKS 1024 /* 32 times what the kernel's cache holds */

static uint32_t block[BLOCK / 4];

static void begin(const char *name) { print("disk %s begins\n", name); }

static void report(const char *name, unsigned milliseconds) { print("disk %s bytes %u operations %u us %u\n", name, BLOCK * BLOCKS, BLOCKS, milliseconds * 1000); }

static bool pass(int file, bool writing)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        block[0] = i;
        if (writing ? write(file, block, BLOCK) != BLOCK : read(file, block, BLOCK) != BLOCK || block[0] != i)
            return false;
    }
    return true;
}

int main(void)
{
    int file = open("/disk/bench", O_READ | O_WRITE | O_CREATE | O_TRUNCATE);
    bool good = file >= 0 && pass(file, true) && sync(true) == 0; /* the blocks are there: what comes now is data alone */
    begin("write");
    unsigned start = uptime();
    good = good && lseek(file, 0, SEEK_SET) == 0 && pass(file, true) && sync(true) == 0;
    report("write", uptime() - start);
    begin("read");
    start = uptime();
    good = good && lseek(file, 0, SEEK_SET) == 0 && pass(file, false);
    report("read", uptime() - start);
    if (!good)
        print("diskbench: the disk is missing, full or wrong\n");
    unlink("/disk/bench");
    return !good;
}
