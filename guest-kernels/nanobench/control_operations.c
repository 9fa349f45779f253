// Operations on processor state: system call, software interrupt, interrupt flag, exception, port, cpuid, rdtsc.
#include "../lib/cpu.h"
#include "handlers.h"
#include "operations.h"
#include "tables.h"

void run_system_call(uint32_t iterations)
{
    run_user_loop(iterations);
}

void run_int_iret(uint32_t iterations)
{
    while (iterations--)
        asm volatile("int %0" : : "i"(VECTOR_NOTHING) : "memory");
}

void run_cli_sti(uint32_t iterations)
{
    // Every interrupt line is masked, so none comes.
    while (iterations--)
        asm volatile("sti; cli" : : : "memory");
}

void run_pushf_popf(uint32_t iterations)
{
    while (iterations--)
        asm volatile("pushfl; popfl" : : : "cc", "memory");
}

void run_divide(uint32_t iterations)
{
    uint32_t dividend = 1, upper = 0;
    while (iterations--)
        asm volatile("divl %%ecx" : "+a"(dividend), "+d"(upper) : "c"(0) : "cc"); // handle_divide skips it
}

void run_in_port(uint32_t iterations)
{
    while (iterations--) {
        uint8_t value;
        asm volatile("inb $0x80, %0" : "=a"(value));
    }
}

void run_cpuid(uint32_t iterations)
{
    while (iterations--) {
        uint32_t leaf = 0, ebx, ecx, edx;
        asm volatile("cpuid" : "+a"(leaf), "=b"(ebx), "=c"(ecx), "=d"(edx));
    }
}

void run_rdtsc(uint32_t iterations)
{
    while (iterations--)
        read_time_stamp();
}
