// The guest's side of compute.c: the buffer, and the results that show the code did its work.
#include "../lib/paging.h"
#include "../lib/print.h"
#include "compute.h"
#include "compute_check.h"
#include "operations.h"

static uint32_t buffer[COMPUTE_BUFFER_WORDS] __attribute__((aligned(PAGE_SIZE)));
static volatile uint32_t result; // keeps the calls from being dropped

void run_arith(uint32_t iterations)
{
    result = compute_arith(iterations, buffer);
}

void run_memory_sweep(uint32_t iterations)
{
    result = compute_sweep(iterations, buffer);
}

void run_call_ret(uint32_t iterations)
{
    result = compute_callret(iterations, buffer);
}

void run_indirect_call(uint32_t iterations)
{
    result = compute_indirect(iterations, buffer);
}

void print_compute_results(void)
{
    print("result arith %x\n", compute_arith(1000, buffer));
    print("result memory-sweep %x\n", compute_sweep(3, buffer));
    print("result call-ret %x\n", compute_callret(1000, buffer));
    print("result indirect-call %x\n", compute_indirect(1000, buffer));
}
