// The measured operations: each function performs its operation the given number of times.
#pragma once
#include <stdint.h>

typedef void operation(uint32_t iterations);

operation run_arith, run_memory_sweep, run_call_ret, run_indirect_call;           // compute.c, in the guest
operation run_system_call, run_int_iret, run_cli_sti, run_pushf_popf, run_divide; // control
operation run_in_port, run_cpuid, run_rdtsc;
operation run_cr3_write, run_page_fault, run_pte_mod, run_pte_mod_invlpg, run_pte_mod_touch; // memory

void memory_operations_prepare(void);
