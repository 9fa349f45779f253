// The same machine code that nanobench times in the guest, run as an ordinary host process: linked with the very object file
// (build/nanobench-compute.o), timed the same way. No C library, so that no 32-bit headers are needed. Prints what nanobench prints.
#include "../nanobench/compute.h"

enum { SYS_EXIT = 1, SYS_WRITE = 4, FIRST_ITERATIONS = 4, RUNS = 3, CYCLES_OF_A_RUN = 26000000 /* some 10 ms */ };

static volatile uint32_t result; // keeps the calls from being dropped
static uint32_t buffer[COMPUTE_BUFFER_WORDS] __attribute__((aligned(4096)));

static uint32_t system_call(uint32_t number, uint32_t first, const void *second, uint32_t third)
{
    uint32_t result;
    asm volatile("int $0x80" : "=a"(result) : "0"(number), "b"(first), "c"(second), "d"(third) : "memory");
    return result;
}

static uint64_t read_time_stamp(void)
{
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static uint64_t time_of(compute_function *function, uint32_t iterations)
{
    uint64_t start = read_time_stamp();
    result = function(iterations, buffer);
    return read_time_stamp() - start;
}

static uint64_t divide(uint64_t dividend, uint32_t divisor)
{
    uint32_t high = (uint32_t)(dividend >> 32), low = (uint32_t)dividend, quotient_high = high / divisor, remainder = high % divisor;
    uint32_t quotient_low;
    asm("divl %4" : "=a"(quotient_low), "=d"(remainder) : "0"(low), "1"(remainder), "r"(divisor) : "cc");
    return (uint64_t)quotient_high << 32 | quotient_low;
}

static void print(const char *text)
{
    uint32_t length = 0;
    while (text[length])
        length++;
    system_call(SYS_WRITE, 1, text, length);
}

static void print_number(uint32_t value)
{
    char digits[11];
    uint32_t at = sizeof digits - 1;
    digits[at] = 0;
    do
        digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    print(digits + at);
}

static void measure(const char *name, compute_function *function)
{
    uint32_t iterations = FIRST_ITERATIONS;
    uint64_t best = ~0ull;
    while (time_of(function, iterations) < CYCLES_OF_A_RUN)
        iterations *= 2;
    for (uint32_t i = 0; i < RUNS; i++) {
        uint64_t cycles = time_of(function, iterations);
        best = cycles < best ? cycles : best;
    }
    uint32_t hundredths = (uint32_t)divide(best * 100, iterations);
    print("bench ");
    print(name);
    print(" iterations ");
    print_number(iterations);
    print(" cycles ");
    print_number(hundredths / 100);
    print(hundredths % 100 < 10 ? ".0" : ".");
    print_number(hundredths % 100);
    print("\n");
}

__attribute__((force_align_arg_pointer, noreturn)) void _start(void)
{
    for (uint32_t i = 0; i < COMPUTE_BUFFER_WORDS; i += 1024)
        buffer[i] = 0; // the guest's buffer is in memory when it is timed
    measure("arith", compute_arith);
    measure("memory-sweep", compute_sweep);
    measure("call-ret", compute_callret);
    measure("indirect-call", compute_indirect);
    system_call(SYS_EXIT, 0, 0, 0);
    __builtin_unreachable();
}
