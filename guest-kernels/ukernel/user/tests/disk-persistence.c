/* A counter on the disk grows by one each boot, and what sync wrote is what the disk holds. */
#include "test.h"

static int read_counter(void)
{
    int counter = 0, file = open("/disk/counter", O_READ);
    if (file >= 0) {
        check(read(file, &counter, sizeof counter) == sizeof counter, "the counter is short");
        close(file);
    }
    return counter;
}

int main(void)
{
    int counter = read_counter() + 1;
    check(counter > 0, "the counter is nonsense");
    int file = open("/disk/counter", O_WRITE | O_CREATE | O_TRUNCATE);
    check(write(file, &counter, sizeof counter) == sizeof counter && close(file) == 0, "write failed");
    check(sync(true) == 0, "sync failed");
    check(read_counter() == counter, "the disk holds another value");
    return 0;
}
