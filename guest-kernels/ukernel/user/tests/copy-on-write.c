/* After fork parent and children see the same 256 pages until one writes; nobody sees the other's writes. */
#include "test.h"

#define PAGES 256
#define CHILDREN 4

static uint8_t memory[PAGES][4096];

static void expect(int child)
{
    for (int i = 0; i < PAGES; i++)
        check(*(int *)memory[i] == (child >= 0 && i % CHILDREN == child ? i * 1000 + child : i), "a page holds another process's data");
}

int main(void)
{
    int pids[CHILDREN];
    for (int i = 0; i < PAGES; i++)
        *(int *)memory[i] = i;
    int before = free_memory();
    for (int child = 0; child < CHILDREN; child++) {
        pids[child] = fork_checked();
        if (pids[child])
            continue;
        yield();
        for (int i = child; i < PAGES; i += CHILDREN)
            *(int *)memory[i] = i * 1000 + child;
        yield();
        expect(child);
        exit(0);
    }
    check(before - free_memory() < PAGES, "fork copied instead of sharing");
    for (int child = 0; child < CHILDREN; child++)
        check(wait_for(pids[child]) == 0, "a child failed");
    expect(-1);
    for (int i = 0; i < PAGES; i++)
        *(int *)memory[i] += 1; /* shared with nobody any more */
    check(*(int *)memory[PAGES - 1] == PAGES, "the last owner cannot write");
    return 0;
}
