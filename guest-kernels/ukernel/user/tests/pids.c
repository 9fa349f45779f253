/* getpid and getppid agree between parent and child; pids grow. */
#include "test.h"

int main(void)
{
    int ends[2], seen[2], self = getpid(), last = self;
    pipe_checked(ends);
    for (int i = 0; i < 5; i++) {
        int pid = fork_checked();
        if (pid == 0) {
            seen[0] = getpid();
            seen[1] = getppid();
            write(ends[1], seen, sizeof seen);
            exit(0);
        }
        check(read(ends[0], seen, sizeof seen) == sizeof seen, "no word from the child");
        check(seen[0] == pid && seen[1] == self, "parent and child disagree");
        check(pid > last, "pids should grow");
        last = pid;
        wait_for(pid);
    }
    return 0;
}
