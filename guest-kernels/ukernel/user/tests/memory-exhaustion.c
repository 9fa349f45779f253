/* sbrk fails when memory could not back the heap, fork fails then too, and all of it comes back. */
#include "test.h"

#define STEP (1 << 20)

int main(void)
{
    uint8_t *start = sbrk(0), *p;
    int megabytes = 0;
    while (!sbrk_failed(p = sbrk(STEP))) {
        *p = megabytes++;
        check(megabytes < 4096, "sbrk never fails");
    }
    check((int)p == -ENOMEM, "exhaustion should mean ENOMEM");
    check(megabytes >= 4, "sbrk failed too early");
    check(fork() == -ENOMEM, "fork should fail when the heap cannot be backed twice");
    for (int i = 0; i < megabytes; i++)
        check(start[(unsigned)i * STEP] == (uint8_t)i, "a page lost its data");
    sbrk(-megabytes * STEP);
    check(!sbrk_failed(sbrk(STEP)), "freed memory should be available again");
    int pid = fork_checked();
    if (pid == 0)
        exit(0);
    return wait_for(pid);
}
