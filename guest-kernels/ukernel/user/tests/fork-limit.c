/* fork until the process table is full; then all end and fork works again. */
#include "test.h"

int main(void)
{
    int gate[2], count = 0, status, pid;
    char byte;
    pipe_checked(gate);
    while ((pid = fork()) > 0)
        count++;
    if (pid == 0) {
        close(gate[1]);
        read(gate[0], &byte, 1); /* until the parent closes its end */
        exit(3);
    }
    check(pid == -EAGAIN, "a full process table should mean EAGAIN");
    check(count >= 40, "fork failed too early");
    close(gate[1]);
    for (int i = 0; i < count; i++)
        check(waitpid(-1, &status, 0) > 0 && status == STATUS_EXITED(3), "a child did not exit well");
    pid = fork_checked();
    if (pid == 0)
        exit(0);
    check(wait_for(pid) == 0, "fork does not work after the limit");
    return 0;
}
