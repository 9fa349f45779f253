/* A binary tree of processes, five levels deep; every parent adds up what its children exit with. */
#include "test.h"

static int grow(int depth)
{
    int sum = 1, pids[2];
    for (int i = 0; depth && i < 2; i++) {
        pids[i] = fork_checked();
        if (pids[i] == 0)
            exit(grow(depth - 1));
    }
    for (int i = 0; depth && i < 2; i++)
        sum += wait_for(pids[i]) >> 8;
    return sum;
}

int main(void)
{
    check(grow(4) == 31, "the tree has the wrong number of processes");
    return 0;
}
