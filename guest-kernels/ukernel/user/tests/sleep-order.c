/* Five sleepers, started in mixed order, wake in the order of their deadlines. */
#include "test.h"

#define SLEEPERS 5
static const char order[SLEEPERS] = { 3, 0, 4, 1, 2 };

int main(void)
{
    int ready[2], start[2], done[2];
    unsigned base;
    char byte;
    pipe_checked(ready);
    pipe_checked(start);
    pipe_checked(done);
    for (int i = 0; i < SLEEPERS; i++) {
        if (fork_checked() != 0)
            continue;
        write(ready[1], "r", 1);
        read(start[0], &base, sizeof base);
        check(sleep_until(base + order[i] * 20) == 0, "sleep_until failed");
        write(done[1], &order[i], 1);
        exit(0);
    }
    for (int i = 0; i < SLEEPERS; i++)
        read(ready[0], &byte, 1);
    base = uptime() + 50;
    for (int i = 0; i < SLEEPERS; i++)
        write(start[1], &base, sizeof base);
    for (int i = 0; i < SLEEPERS; i++) {
        check(read(done[0], &byte, 1) == 1 && byte == i, "a sleeper woke out of order");
        check(uptime() >= base + i * 20, "a sleeper woke too early");
    }
    for (int i = 0; i < SLEEPERS; i++)
        check(waitpid(-1, 0, 0) > 0, "a sleeper is lost");
    return 0;
}
