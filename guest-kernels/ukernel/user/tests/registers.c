/* Two processes spin on their own values in every register while the timer switches between them. */
#include "test.h"

#define TICKS 4

/* Loads seed + n into every register, spins, and returns whether all still hold. Never enters the kernel by itself. */
static bool spin(uint32_t seed, uint32_t rounds)
{
    uint32_t good;
    __asm__ volatile("pushl %%ebp\n\t"
                     "movl %1, %%ebp\n\t" /* rounds */
                     "leal 1(%%eax), %%ebx\n\tleal 2(%%eax), %%ecx\n\tleal 3(%%eax), %%edx\n\t"
                     "leal 4(%%eax), %%esi\n\tleal 5(%%eax), %%edi\n"
                     "1:\tdecl %%ebp\n\tjnz 1b\n\t"
                     "subl %%eax, %%ebx\n\tsubl %%eax, %%ecx\n\tsubl %%eax, %%edx\n\tsubl %%eax, %%esi\n\tsubl %%eax, %%edi\n\t"
                     "shll $4, %%ebx\n\torl %%ecx, %%ebx\n\tshll $4, %%ebx\n\torl %%edx, %%ebx\n\t"
                     "shll $4, %%ebx\n\torl %%esi, %%ebx\n\tshll $4, %%ebx\n\torl %%edi, %%ebx\n\t"
                     "movl %%ebx, %%eax\n\t"
                     "popl %%ebp"
                     : "=a"(good), "+S"(rounds) : "0"(seed) : "ebx", "ecx", "edx", "edi", "memory", "cc");
    return good == 0x12345;
}

static void work(uint32_t seed)
{
    int pid = getpid();
    while (cputime(pid) < TICKS)
        check(spin(seed, 1000000), "a register changed");
    exit(0);
}

int main(void)
{
    int pids[2];
    for (int i = 0; i < 2; i++) {
        pids[i] = fork_checked();
        if (pids[i] == 0)
            work(0x11111111 * (i + 1));
    }
    for (int i = 0; i < 2; i++)
        check(wait_for(pids[i]) == 0, "a process failed");
    return 0;
}
