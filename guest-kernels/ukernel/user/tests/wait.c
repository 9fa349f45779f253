/* waitpid: a given child, any child, none, not yet; orphans go to init. */
#include "test.h"

int main(void)
{
    int status, gate[2], news[2], parent;
    char byte = 0;
    check(waitpid(-1, &status, 0) == -ECHILD, "without children waitpid should say ECHILD");
    pipe_checked(gate);
    pipe_checked(news);
    int pid = fork_checked();
    if (pid == 0) {
        read(gate[0], &byte, 1);
        exit(9);
    }
    check(waitpid(pid, &status, WAIT_NOHANG) == 0, "NOHANG should not find a living child");
    check(waitpid(pid + 1000, &status, 0) == -ECHILD, "a stranger should mean ECHILD");
    write(gate[1], &byte, 1);
    check(wait_for(pid) == STATUS_EXITED(9), "wrong status");
    check(waitpid(pid, &status, 0) == -ECHILD, "a child can be waited for once only");

    pid = fork_checked();
    if (pid == 0) {
        if (fork() == 0) {
            read(gate[0], &byte, 1); /* until the parent is gone */
            parent = getppid();
            write(news[1], &parent, sizeof parent);
            exit(0);
        }
        exit(0);
    }
    wait_for(pid);
    write(gate[1], &byte, 1);
    check(read(news[0], &parent, sizeof parent) == sizeof parent && parent == 1, "init should adopt an orphan");
    return 0;
}
