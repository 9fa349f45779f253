# One C function for each system call of at most three arguments.
#include "abi/syscalls.h"

.macro call name number
.globl \name
\name:
    pushl %ebx
    movl $\number, %eax
    movl 8(%esp), %ebx
    movl 12(%esp), %ecx
    movl 16(%esp), %edx
    int $0x80
    popl %ebx
    ret
.endm

.section .text
call exit SYS_exit
call fork SYS_fork
call read SYS_read
call write SYS_write
call open SYS_open
call close SYS_close
call waitpid SYS_waitpid
call unlink SYS_unlink
call exec SYS_exec
call lseek SYS_lseek
call getpid SYS_getpid
call getppid SYS_getppid
call pipe SYS_pipe
call dup SYS_dup
call dup2 SYS_dup2
call sbrk SYS_sbrk
call sleep SYS_sleep
call sleep_until SYS_sleep_until
call kill SYS_kill
call yield SYS_yield
call uptime SYS_uptime
call signal_raw SYS_signal
call cputime SYS_cputime
call mkdir SYS_mkdir
call sync SYS_sync
call free_memory SYS_free_memory
call free_blocks SYS_free_blocks
call selftest SYS_selftest
call poweroff SYS_poweroff
call fstat SYS_fstat
call bad_system_call 9999

# int raw_system_call(number, a, b, c)
.globl raw_system_call
raw_system_call:
    pushl %ebx
    movl 8(%esp), %eax
    movl 12(%esp), %ebx
    movl 16(%esp), %ecx
    movl 20(%esp), %edx
    int $0x80
    popl %ebx
    ret
