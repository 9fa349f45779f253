/* Unknown call numbers, bad descriptors, bad signals and bad pids are refused. */
#include "test.h"

int main(void)
{
    char byte;
    check(bad_system_call() == -ENOSYS && raw_system_call(0, 0, 0, 0) == -ENOSYS && raw_system_call(-1, 0, 0, 0) == -ENOSYS &&
          raw_system_call(SYSCALL_COUNT, 0, 0, 0) == -ENOSYS, "an unknown call number was taken");
    check(read(9, &byte, 1) == -EBADF && write(-5, &byte, 1) == -EBADF && read(1 << 30, &byte, 1) == -EBADF, "a bad descriptor was taken");
    check(read(0, &byte, -1) == -EINVAL, "a negative count was taken");
    check(kill(99999, SIGTERM) == -ESRCH && kill(getpid(), 99) == -EINVAL && kill(1, SIGKILL) == -EINVAL, "kill took nonsense");
    check(signal(SIGKILL, (signal_handler *)1) == -EINVAL && signal(77, 0) == -EINVAL && signal(0, 0) == -EINVAL, "signal took nonsense");
    check(poweroff(true) == -EINVAL, "only init may switch off");
    check(cputime(99999) == -ESRCH, "cputime knows a stranger");
    char path[200];
    memset(path, 'a', sizeof path);
    path[199] = 0;
    check(open(path, O_READ) == -ENAMETOOLONG, "a path too long was taken");
    return 0;
}
