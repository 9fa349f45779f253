/* Six MiB of heap, every page written, checked after a fork that keeps half. */
#include "test.h"

#define PAGES 1536

int main(void)
{
    uint32_t *heap = sbrk(PAGES * 4096);
    check(!sbrk_failed(heap), "sbrk failed");
    for (int i = 0; i < PAGES; i++)
        heap[i * 1024 + i % 1024] = i ^ 0x5A5A5A5A;
    for (int i = PAGES - 1; i >= 0; i--)
        check(heap[i * 1024 + i % 1024] == (uint32_t)(i ^ 0x5A5A5A5A), "a page lost its data");
    sbrk(-PAGES / 2 * 4096);
    int pid = fork_checked();
    if (pid == 0) {
        for (int i = 0; i < PAGES / 2; i++)
            check(heap[i * 1024 + i % 1024] == (uint32_t)(i ^ 0x5A5A5A5A), "the child lost a page");
        exit(0);
    }
    check(wait_for(pid) == 0, "the child failed");
    return 0;
}
