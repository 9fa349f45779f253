/* A signal ends a blocking call with EINTR: read, sleep and waitpid. */
#include "test.h"

static int signals;
static void count(int number, struct signal_context *context) { signals++; }

/* A child that signals this process again and again until killed: whenever the call blocks, one comes. */
static int nag(void)
{
    int parent = getpid(), pid = fork_checked();
    if (pid == 0)
        for (;;) {
            sleep(10);
            kill(parent, SIGUSR1);
        }
    return pid;
}

int main(void)
{
    int ends[2];
    char byte;
    signal(SIGUSR1, count);
    pipe_checked(ends);
    int pid = nag();
    check(read(ends[0], &byte, 1) == -EINTR && signals >= 1, "read was not interrupted");
    check(sleep(100000) == -EINTR, "sleep was not interrupted");
    check(waitpid(pid, 0, 0) == -EINTR, "waitpid was not interrupted");
    kill(pid, SIGKILL);
    while (waitpid(pid, 0, 0) != pid)
        ;
    return 0;
}
