/* A fixed workload; prints what was done and, as its only number that varies, the milliseconds it took. */
#include "user.h"

#define CALLS 200000
#define FORKS 2000
#define EXECS 500
#define FAULTS 50000
#define PINGS 10000
#define SIEVE "2000000"

static void system_calls(void)
{
    for (int i = 0; i < CALLS; i++)
        getpid();
}

static void forks(void)
{
    for (int i = 0; i < FORKS; i++) {
        int pid = fork();
        if (pid == 0)
            exit(0);
        waitpid(pid, 0, 0);
    }
}

static void run(const char *path, char *const argv[])
{
    int pid = fork();
    if (pid == 0) {
        exec(path, argv);
        exit(127);
    }
    waitpid(pid, 0, 0);
}

static void execs(void)
{
    char *argv[] = { "true", 0 };
    for (int i = 0; i < EXECS; i++)
        run("/bin/true", argv);
}

/* The same 1000 pages again and again: demand zero and unmapping. */
static void page_faults(void)
{
    for (int round = 0; round < FAULTS / 1000; round++) {
        volatile char *heap = sbrk(1000 * 4096);
        for (int i = 0; i < 1000; i++)
            heap[i * 4096] = i;
        sbrk(-1000 * 4096);
    }
}

static void ping_pong(void)
{
    int there[2], back[2];
    char byte = 0;
    pipe(there);
    pipe(back);
    int pid = fork();
    for (int i = 0; i < PINGS; i++) {
        if (pid == 0) {
            read(there[0], &byte, 1);
            write(back[1], &byte, 1);
        } else {
            write(there[1], &byte, 1);
            read(back[0], &byte, 1);
        }
    }
    if (pid == 0)
        exit(0);
    waitpid(pid, 0, 0);
}

static void sieve(void)
{
    char *argv[] = { "primes", SIEVE, 0 };
    print("primes below " SIEVE ": ");
    run("/bin/primes", argv);
}

static unsigned part(const char *name, int count, void (*body)(void))
{
    unsigned start = uptime();
    body();
    unsigned time = uptime() - start;
    print("%s: %d in %u ms\n", name, count, time);
    return time;
}

int main(void)
{
    unsigned total = part("system calls", CALLS, system_calls);
    total += part("fork + exit + wait", FORKS, forks);
    total += part("fork + exec + exit + wait", EXECS, execs);
    total += part("page faults", FAULTS, page_faults);
    total += part("pipe round trips", PINGS, ping_pong);
    total += part("sieve", 1, sieve);
    print("bench: %u ms\n", total);
    return 0;
}
