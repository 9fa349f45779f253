// nanobench: what does one operation cost on this machine? The table below is all there is to measure; each entry is
// repeated until a run takes long enough to be timed, then the best of a few such runs counts.
#include "../lib/cpu.h"
#include "../lib/debug_exit.h"
#include "../lib/multiboot.h"
#include "../lib/paging.h"
#include "../lib/pic.h"
#include "../lib/print.h"
#include "../lib/uart.h"
#include "clock.h"
#include "compute_check.h"
#include "operations.h"
#include "tables.h"

static const struct {
    const char *name;
    operation *run;
} benches[] = {
    { "arith", run_arith },
    { "memory-sweep", run_memory_sweep },
    { "call-ret", run_call_ret },
    { "indirect-call", run_indirect_call },
    { "syscall", run_system_call },
    { "in-port-0x80", run_in_port },
    { "cr3-write", run_cr3_write },
    { "page-fault", run_page_fault },
    { "divide-by-zero", run_divide },
    { "pte-mod", run_pte_mod },
    { "pte-mod-invlpg", run_pte_mod_invlpg },
    { "pte-mod-touch", run_pte_mod_touch },
    { "cli-sti", run_cli_sti },
    { "pushf-popf", run_pushf_popf },
    { "int-iret", run_int_iret },
    { "cpuid", run_cpuid },
    { "rdtsc", run_rdtsc },
};

enum {
    RUN_MILLISECONDS = 10,
    RUNS = 3,
    FIRST_ITERATIONS = 4,
    MOST_ITERATIONS = 1 << 26,
    ASSUMED_KILOHERTZ = 1000000, // for the length of a run, where no timer answers
};

static uint64_t time_of(operation *run, uint32_t iterations)
{
    uint64_t start = read_time_stamp();
    run(iterations);
    return read_time_stamp() - start;
}

// As many iterations as fill one run; grown step by step, because one operation may be dear.
static uint32_t iterations_for(operation *run, uint64_t cycles_wanted)
{
    uint32_t iterations = FIRST_ITERATIONS;
    while (iterations < MOST_ITERATIONS) {
        uint64_t cycles = time_of(run, iterations);
        if (cycles >= cycles_wanted)
            break;
        iterations *= cycles * 16 < cycles_wanted ? 16 : cycles * 4 < cycles_wanted ? 4 : 2;
    }
    return iterations < MOST_ITERATIONS ? iterations : MOST_ITERATIONS;
}

static void print_tenths(const char *label, uint64_t tenths)
{
    print(" %s %u.%u", label, (uint32_t)divide64(tenths, 10), (uint32_t)(tenths - divide64(tenths, 10) * 10));
}

static void measure(const char *name, operation *run, uint32_t kilohertz)
{
    uint32_t frequency = kilohertz ? kilohertz : ASSUMED_KILOHERTZ;
    uint32_t iterations = iterations_for(run, (uint64_t)frequency * RUN_MILLISECONDS);
    uint64_t best = ~0ull;
    for (uint32_t i = 0; i < RUNS; i++) {
        uint64_t cycles = time_of(run, iterations);
        best = cycles < best ? cycles : best;
    }
    uint64_t thousandths = divide64(best * 1000, iterations);
    print("bench %s iterations %u", name, iterations);
    print_tenths("cycles", divide64(thousandths + 50, 100));
    print_tenths("ns", kilohertz ? divide64(thousandths * 10000 + kilohertz / 2, kilohertz) : 0);
    print("\n");
}

void kernel_main(uint32_t magic, const struct multiboot_info *info)
{
    (void)info;
    uart_init();
    if (magic != MULTIBOOT_LOADER_MAGIC || !(cpuid(1).edx & CPUID_EDX_TSC)) {
        print("nanobench: needs a multiboot loader and a time-stamp counter\n");
        debug_exit(DEBUG_EXIT_FAILURE);
    }
    tables_init();
    paging_init();
    pic_init();

    print_compute_results();
    const char *source;
    uint32_t kilohertz = clock_calibrate(&source);
    print("tsc %u kHz from %s\n", kilohertz, source);
    for (uint32_t i = 0; i < sizeof benches / sizeof *benches; i++) {
        memory_operations_prepare();
        measure(benches[i].name, benches[i].run, kilohertz);
    }
    print("nanobench: done\n");
    debug_exit(DEBUG_EXIT_SUCCESS);
}
