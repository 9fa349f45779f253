/* x87 and SSE registers belong to their process: three of them keep different values through many switches.
   A CPU without the unit has nothing to show, and passes. */
#include "test.h"

#define TICKS 4

static bool has_fpu, has_sse;

static void detect(void)
{
    uint32_t eax = 1, ebx, ecx, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    has_fpu = edx & 1;
    has_sse = (edx & 1u << 24) && (edx & 1u << 25);
}

static bool x87_holds(int seed)
{
    static volatile int values[8];
    __asm__ volatile("fninit");
    for (int i = 0; i < 8; i++) {
        int value = seed * 100 + i;
        __asm__ volatile("fildl %0" : : "m"(value));
    }
    for (volatile int spin = 0; spin < 200000; spin++)
        ;
    for (int i = 7; i >= 0; i--)
        __asm__ volatile("fistpl %0" : "=m"(values[i]));
    for (int i = 0; i < 8; i++)
        if (values[i] != seed * 100 + i)
            return false;
    return true;
}

static bool sse_holds(uint32_t seed)
{
    static uint32_t in[8][4] __attribute__((aligned(16))), out[8][4] __attribute__((aligned(16)));
    for (int i = 0; i < 32; i++)
        in[i / 4][i % 4] = seed * 0x01010101 + i;
    __asm__ volatile("movaps (%0), %%xmm0; movaps 16(%0), %%xmm1; movaps 32(%0), %%xmm2; movaps 48(%0), %%xmm3\n\t"
                     "movaps 64(%0), %%xmm4; movaps 80(%0), %%xmm5; movaps 96(%0), %%xmm6; movaps 112(%0), %%xmm7"
                     : : "r"(in) : "memory");
    for (volatile int spin = 0; spin < 200000; spin++)
        ;
    __asm__ volatile("movaps %%xmm0, (%0); movaps %%xmm1, 16(%0); movaps %%xmm2, 32(%0); movaps %%xmm3, 48(%0)\n\t"
                     "movaps %%xmm4, 64(%0); movaps %%xmm5, 80(%0); movaps %%xmm6, 96(%0); movaps %%xmm7, 112(%0)"
                     : : "r"(out) : "memory");
    return memcmp(in, out, sizeof in) == 0;
}

static void work(int seed)
{
    int pid = getpid();
    while (cputime(pid) < TICKS) {
        check(x87_holds(seed), "an x87 register changed");
        check(!has_sse || sse_holds(seed), "an SSE register changed");
    }
    exit(0);
}

/* A forked child starts with the parent's registers. */
static void inherit(void)
{
    int value = 4711;
    __asm__ volatile("fninit; fildl %0" : : "m"(value));
    int pid = fork_checked();
    if (pid == 0) {
        value = 0;
        __asm__ volatile("fistpl %0" : "=m"(value));
        exit(value == 4711 ? 0 : 2);
    }
    check(wait_for(pid) == 0, "the child did not inherit the x87 registers");
    value = 0;
    __asm__ volatile("fistpl %0" : "=m"(value));
    check(value == 4711, "fork lost the parent's x87 registers");
}

int main(void)
{
    int pids[3];
    detect();
    if (!has_fpu)
        return 0;
    inherit();
    for (int i = 0; i < 3; i++) {
        pids[i] = fork_checked();
        if (pids[i] == 0)
            work(i + 1);
    }
    for (int i = 0; i < 3; i++)
        check(wait_for(pids[i]) == 0, "a process failed");
    return 0;
}
