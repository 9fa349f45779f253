/* One process kills others: running, sleeping, blocked in a pipe, and itself. */
#include "test.h"

static void expect(int pid, int signal_number)
{
    check(kill(pid, signal_number) == 0, "kill failed");
    check(wait_for(pid) == STATUS_KILLED(signal_number), "the status is wrong");
    check(kill(pid, signal_number) == -ESRCH, "the dead are gone");
}

static void kill_self(void) { kill(getpid(), SIGTERM); }

int main(void)
{
    int ends[2];
    char byte;
    pipe_checked(ends);
    int running = fork_checked();
    if (running == 0)
        for (;;)
            ;
    int sleeping = fork_checked();
    if (sleeping == 0)
        sleep(1000000);
    int blocked = fork_checked();
    if (blocked == 0)
        read(ends[0], &byte, 1);
    check(kill(running, 0) == 0, "signal 0 only asks");
    sleep(20);
    expect(running, SIGKILL);
    expect(sleeping, SIGTERM);
    expect(blocked, SIGINT);
    check(status_of(kill_self) == STATUS_KILLED(SIGTERM), "suicide failed");
    return 0;
}
