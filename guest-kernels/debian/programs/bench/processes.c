// Work of the kernel for its user programs: system calls, processes, page faults, pipes.
#include "operations.h"

const char *own_program, *shell_program;
char **environment;

static void must(int32_t result, const char *what)
{
    if (result >= 0)
        return;
    print("bench: %s: error %d\n", what, -result);
    leave(1);
}

uint32_t run_getppid(uint32_t iterations)
{
    uint32_t sum = 0;
    while (iterations--)
        sum += (uint32_t)vsyscall(SYS_GETPPID, 0, 0, 0);
    return sum;
}

static void wait_well(int32_t process, const char *what)
{
    int status;
    must(process, what);
    must(wait_for(process, &status), what);
    must(-status, what);
}

uint32_t run_fork(uint32_t iterations)
{
    while (iterations--) {
        int32_t process = fork();
        if (process == 0)
            leave(0);
        wait_well(process, "fork");
    }
    return 0;
}

static void start(const char *program, char *const *arguments)
{
    int32_t process = fork();
    if (process == 0) {
        system_call(SYS_EXECVE, (intptr_t)program, (intptr_t)arguments, (intptr_t)environment);
        leave(127);
    }
    wait_well(process, program);
}

uint32_t run_exec(uint32_t iterations)
{
    char *arguments[] = { (char *)"bench", (char *)"exit", NULL };
    while (iterations--)
        start(own_program, arguments);
    return 0;
}

uint32_t run_page_fault(uint32_t iterations)
{
    enum { PAGES = 256 };
    uint32_t sum = 0;
    while (iterations) {
        uint32_t pages = iterations < PAGES ? iterations : PAGES;
        volatile uint8_t *memory = map_anonymous(PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE);
        for (uint32_t i = 0; i < pages; i++)
            memory[i * PAGE_SIZE] = 1;
        sum += memory[0];
        must(system_call(SYS_MUNMAP, (intptr_t)memory, PAGES * PAGE_SIZE, 0), "munmap");
        iterations -= pages;
    }
    return sum;
}

// One iteration is there and back.
uint32_t run_pipe(uint32_t iterations)
{
    int there[2], back[2];
    uint8_t byte = 1;
    must(system_call(SYS_PIPE, (intptr_t)there, 0, 0), "pipe");
    must(system_call(SYS_PIPE, (intptr_t)back, 0, 0), "pipe");
    int32_t process = fork();
    if (process == 0) {
        while (iterations-- && vsyscall(SYS_READ, there[0], (intptr_t)&byte, 1) == 1)
            vsyscall(SYS_WRITE, back[1], (intptr_t)&byte, 1);
        leave(0);
    }
    must(process, "fork");
    for (uint32_t i = 0; i < iterations; i++) {
        vsyscall(SYS_WRITE, there[1], (intptr_t)&byte, 1);
        must(vsyscall(SYS_READ, back[0], (intptr_t)&byte, 1) - 1, "read");
    }
    wait_well(process, "ping-pong");
    for (int i = 0; i < 2; i++) {
        system_call(SYS_CLOSE, there[i], 0, 0);
        system_call(SYS_CLOSE, back[i], 0, 0);
    }
    return 0;
}

// In a directory of its own, so that `ls` has the same to do everywhere.
uint32_t run_shell(uint32_t iterations)
{
    enum { FILES = 16 };
    static const char directory[] = "bench-files";
    char *arguments[] = { (char *)"sh", (char *)"-c", (char *)"ls | wc >/dev/null", NULL };
    char file[] = "file-a";
    must(system_call(SYS_MKDIR, (intptr_t)directory, 0755, 0), "mkdir bench-files");
    must(system_call(SYS_CHDIR, (intptr_t)directory, 0, 0), "chdir");
    for (int i = 0; i < FILES; i++) {
        file[5] = (char)('a' + i);
        system_call(SYS_CLOSE, system_call(SYS_OPEN, (intptr_t)file, O_WRONLY | O_CREAT, 0644), 0, 0);
    }
    while (iterations--)
        start(shell_program, arguments);
    for (int i = 0; i < FILES; i++) {
        file[5] = (char)('a' + i);
        system_call(SYS_UNLINK, (intptr_t)file, 0, 0);
    }
    system_call(SYS_CHDIR, (intptr_t)"..", 0, 0);
    system_call(SYS_RMDIR, (intptr_t)directory, 0, 0);
    return 0;
}
