// What is measured. Each performs its operation so many times; what it returns keeps the compiler from dropping the work.
#pragma once
#include "../lib/system.h"

typedef uint32_t operation(uint32_t iterations);

operation run_sieve, run_matrix, run_lcg, run_sha256, run_memory_copy;
operation run_getppid, run_fork, run_exec, run_page_fault, run_pipe, run_shell;

// The name of this program, its environment, and the shell that run_shell starts.
extern const char *own_program, *shell_program;
extern char **environment;
