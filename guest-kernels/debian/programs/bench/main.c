// bench: what user programs of a Linux system cost. The same static binary runs in a guest and on the host, so the two can be
// compared. Each operation is repeated until a run takes long enough to be timed; the best of three runs counts.
//   bench [NAME...]    all, or those named, one line each: bench NAME iterations N cycles C ns T (of one iteration)
#include "operations.h"

enum { RUNS = 3, RUN_NANOSECONDS = 30000000, SHELL_RUNS = 100, MOST_ITERATIONS = 1 << 26 };

static const struct {
    const char *name;
    operation *run;
    uint32_t iterations; // one run of so many, 0: as many as it takes
} benches[] = {
    { "sieve", run_sieve, 0 },
    { "matrix", run_matrix, 0 },
    { "lcg", run_lcg, 0 },
    { "sha256", run_sha256, 0 },
    { "memory-copy", run_memory_copy, 0 },
    { "getppid", run_getppid, 0 },
    { "fork-exit-wait", run_fork, 0 },
    { "fork-exec-exit", run_exec, 0 },
    { "page-fault", run_page_fault, 0 },
    { "pipe-ping-pong", run_pipe, 0 },
    { "shell-pipeline", run_shell, SHELL_RUNS },
};

static volatile uint32_t result; // keeps the calls from being dropped

struct duration {
    uint64_t nanoseconds, cycles;
};

static uint64_t read_time_stamp(void)
{
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static struct duration time_of(operation *run, uint32_t iterations)
{
    uint64_t start = nanoseconds_of(CLOCK_MONOTONIC), start_cycles = read_time_stamp();
    result = run(iterations);
    uint64_t cycles = read_time_stamp() - start_cycles;
    return (struct duration){ nanoseconds_of(CLOCK_MONOTONIC) - start, cycles };
}

static uint64_t divide(uint64_t dividend, uint32_t divisor)
{
    uint32_t high = (uint32_t)(dividend >> 32), low = (uint32_t)dividend, quotient_high = high / divisor, remainder = high % divisor;
    uint32_t quotient_low;
    asm("divl %4" : "=a"(quotient_low), "=d"(remainder) : "0"(low), "1"(remainder), "r"(divisor) : "cc");
    return (uint64_t)quotient_high << 32 | quotient_low;
}

static uint32_t iterations_for(operation *run)
{
    uint32_t iterations = 1;
    while (iterations < MOST_ITERATIONS) {
        uint64_t nanoseconds = time_of(run, iterations).nanoseconds;
        if (nanoseconds >= RUN_NANOSECONDS)
            break;
        iterations *= nanoseconds * 16 < RUN_NANOSECONDS ? 16 : nanoseconds * 4 < RUN_NANOSECONDS ? 4 : 2;
    }
    return iterations;
}

static void measure(const char *name, operation *run, uint32_t fixed)
{
    uint32_t iterations = fixed ? fixed : iterations_for(run);
    struct duration best = time_of(run, iterations);
    for (int i = 1; i < RUNS && !fixed; i++) {
        struct duration again = time_of(run, iterations);
        if (again.nanoseconds < best.nanoseconds)
            best = again;
    }
    uint64_t cycles = divide(best.cycles * 10, iterations), nanoseconds = divide(best.nanoseconds * 10, iterations);
    // No figure of one iteration comes near 2^32.
    uint32_t whole_cycles = (uint32_t)divide(cycles, 10), whole_nanoseconds = (uint32_t)divide(nanoseconds, 10);
    print("bench %s iterations %u cycles %u.%u ns %u.%u\n", name, iterations, whole_cycles, (uint32_t)(cycles - whole_cycles * 10ull),
          whole_nanoseconds, (uint32_t)(nanoseconds - whole_nanoseconds * 10ull));
}

int main(int argc, char **argv, char **envp)
{
    if (argc == 2 && !strcmp(argv[1], "exit"))
        return 0;
    own_program = "/proc/self/exe";
    environment = envp;
    shell_program = "/bin/busybox";
    for (char **variable = envp; *variable; variable++)
        if (!memcmp(*variable, "BUSYBOX=", 8))
            shell_program = *variable + 8;
    for (uint32_t i = 0; i < sizeof benches / sizeof *benches; i++) {
        int wanted = argc == 1;
        for (int j = 1; j < argc; j++)
            wanted |= !strcmp(argv[j], benches[i].name);
        if (wanted)
            measure(benches[i].name, benches[i].run, benches[i].iterations);
    }
    print("bench: done\n");
    return 0;
}
