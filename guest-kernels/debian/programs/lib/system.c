#include "system.h"

enum { AT_NULL = 0, AT_SYSINFO = 32 };

extern void *vsyscall_entry;
int main(int argc, char **argv, char **environment);

_Noreturn void start_program(uintptr_t *stack)
{
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1), **environment = argv + argc + 1;
    uintptr_t *auxiliary = (uintptr_t *)environment;
    while (*auxiliary++)
        ;
    for (; auxiliary[0] != AT_NULL; auxiliary += 2)
        if (auxiliary[0] == AT_SYSINFO)
            vsyscall_entry = (void *)auxiliary[1];
    leave(main(argc, argv, environment));
}

_Noreturn void leave(int status)
{
    for (;;)
        system_call(SYS_EXIT, status, 0, 0);
}

int32_t fork(void)
{
    return system_call(SYS_FORK, 0, 0, 0);
}

int32_t wait_for(int32_t process, int *status)
{
    return system_call(SYS_WAITPID, process, (intptr_t)status, 0);
}

void *map_anonymous(size_t bytes, int protection)
{
    return (void *)system_call6(SYS_MMAP2, 0, (intptr_t)bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

uint64_t nanoseconds_of(int clock)
{
    struct timespec time;
    system_call(SYS_CLOCK_GETTIME, clock, (intptr_t)&time, 0);
    return (uint64_t)time.seconds * 1000000000u + (uint32_t)time.nanoseconds;
}
