// Linux's system calls on i386, for programs without a C library. Numbers: arch/x86/entry/syscalls/syscall_32.tbl.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
    SYS_EXIT = 1, SYS_FORK = 2, SYS_READ = 3, SYS_WRITE = 4, SYS_OPEN = 5, SYS_CLOSE = 6, SYS_WAITPID = 7, SYS_UNLINK = 10,
    SYS_EXECVE = 11, SYS_CHDIR = 12, SYS_GETPID = 20, SYS_MKDIR = 39, SYS_RMDIR = 40, SYS_PIPE = 42, SYS_DUP2 = 63,
    SYS_GETPPID = 64, SYS_MUNMAP = 91, SYS_MMAP2 = 192, SYS_CLOCK_GETTIME = 265,
    SYS_PTRACE = 26, SYS_KILL = 37, SYS_IOPERM = 101, SYS_SOCKETCALL = 102, SYS_SETITIMER = 104, SYS_IOPL = 110, SYS_VM86OLD = 113,
    SYS_CLONE = 120, SYS_MODIFY_LDT = 123, SYS_MPROTECT = 125, SYS_SCHED_YIELD = 158, SYS_RT_SIGACTION = 174, SYS_SET_THREAD_AREA = 243,
};

enum { O_RDONLY = 0, O_WRONLY = 1, O_CREAT = 0x40, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20 };
enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, PAGE_SIZE = 4096 };

struct timespec {
    int32_t seconds, nanoseconds;
};

// Negative results are errors, -errno.
static inline int32_t system_call6(int32_t number, intptr_t a, intptr_t b, intptr_t c, intptr_t d, intptr_t e, intptr_t f)
{
    int32_t result;
    // EBP is the frame pointer's and the sixth argument's register.
    asm volatile("pushl %%ebp\n\tmovl %[f], %%ebp\n\tint $0x80\n\tpopl %%ebp"
                 : "=a"(result)
                 : "0"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [f] "m"(f)
                 : "memory");
    return result;
}

static inline int32_t system_call(int32_t number, intptr_t a, intptr_t b, intptr_t c)
{
    int32_t result;
    asm volatile("int $0x80" : "=a"(result) : "0"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

// The same by __kernel_vsyscall where the kernel offers it, which is what a C library uses.
int32_t vsyscall(int32_t number, intptr_t a, intptr_t b, intptr_t c);

_Noreturn void leave(int status);
int32_t fork(void);
int32_t wait_for(int32_t process, int *status);
void *map_anonymous(size_t bytes, int protection);
uint64_t nanoseconds_of(int clock);

void *memcpy(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *left, const void *right, size_t bytes);
size_t strlen(const char *text);
int strcmp(const char *left, const char *right);

// %s %u %d %x and %08x as printf has them; one write for each call.
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);
