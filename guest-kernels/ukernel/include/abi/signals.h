/* Signals and the context a handler receives; exceptions arrive as signals with the vector in `trap` (SDM vol. 3 table 6-1). */
#ifndef ABI_SIGNALS_H
#define ABI_SIGNALS_H
#include <stdint.h>

#define SIGINT   2
#define SIGILL   4
#define SIGTRAP  5
#define SIGBUS   7
#define SIGFPE   8
#define SIGKILL  9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGTERM 15
#define SIGNAL_COUNT 32

#define NO_TRAP 0xFFFFFFFFu

struct signal_context {
    uint32_t signal, trap, error, fault_address;
    uint32_t edi, esi, ebp, ebx, edx, ecx, eax;
    uint32_t eip, eflags, esp;
    uint32_t blocked;
};

/* Child status of waitpid: the exit code in bits 8..15, the killing signal in bits 0..7. */
#define STATUS_EXITED(code)   (((code) & 0xFF) << 8)
#define STATUS_KILLED(signal) (signal)

#endif
