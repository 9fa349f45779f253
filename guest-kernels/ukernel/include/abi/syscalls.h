/* System call numbers: `int $0x80`, number in EAX, arguments in EBX, ECX, EDX; EAX returns a value or -errno.
   Kernel, user library and assembly share this file. */
#ifndef ABI_SYSCALLS_H
#define ABI_SYSCALLS_H

#define SYS_exit          1
#define SYS_fork          2
#define SYS_read          3
#define SYS_write         4
#define SYS_open          5
#define SYS_close         6
#define SYS_waitpid       7
#define SYS_unlink        8
#define SYS_exec          9
#define SYS_lseek         10
#define SYS_getpid        11
#define SYS_getppid       12
#define SYS_pipe          13
#define SYS_dup           14
#define SYS_dup2          15
#define SYS_sbrk          16
#define SYS_sleep         17
#define SYS_sleep_until   18
#define SYS_kill          19
#define SYS_yield         20
#define SYS_uptime        21
#define SYS_signal        22
#define SYS_sigreturn     23
#define SYS_cputime       24
#define SYS_mkdir         25
#define SYS_sync          26
#define SYS_free_memory   27
#define SYS_free_blocks   28
#define SYS_selftest      29
#define SYS_poweroff      30
#define SYS_fstat         31
#define SYSCALL_COUNT     32

#endif
