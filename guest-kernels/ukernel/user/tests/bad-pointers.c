/* System calls with addresses of the kernel, of nothing, read-only or wrapping around return EFAULT and harm nothing. */
#include "test.h"

static const uint32_t bad[] = { 0, 0x10, 0x40000000, 0xBFFFFFFE, 0xC0000000, 0xC0100000, 0xC0400000, 0xFFFFFFFE };

int main(void)
{
    int file = open("/etc/motd", O_READ), ends[2];
    pipe_checked(ends);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        void *p = (void *)bad[i];
        check(read(file, p, 16) == -EFAULT, "read took a bad pointer");
        check(write(ends[1], p, 16) == -EFAULT, "write took a bad pointer");
        check(open(p, O_READ) == -EFAULT, "open took a bad pointer");
        check(exec(p, 0) == -EFAULT && exec("/bin/echo", p) == -EFAULT, "exec took a bad pointer");
        check(pipe(p) == -EFAULT, "pipe took a bad pointer");
        check(fstat(file, p) == -EFAULT, "fstat took a bad pointer");
        int pid = fork_checked();
        if (pid == 0)
            exit(0);
        check(i == 0 || waitpid(pid, p, 0) == -EFAULT, "waitpid took a bad pointer");
        check(wait_for(pid) == 0, "a child was lost");
    }
    return 0;
}
