/* `&` does not wait, `wait` does. */
#include "test.h"

int main(void)
{
    char output[64];
    char *behind[] = { "/bin/sh", "-c", "sleep 100 & echo first; wait; echo second", 0 };
    unsigned start = uptime();
    check(run(output, sizeof output, behind) == 0 && strcmp(output, "first\nsecond\n") == 0, "the output is wrong");
    check(uptime() - start >= 100, "wait did not wait");
    char *ahead[] = { "/bin/sh", "-c", "sleep 600000 & echo done", 0 };
    int ends[2], pid;
    pipe_checked(ends);
    pid = fork_checked();
    if (pid == 0) {
        dup2(ends[1], 1);
        exec(ahead[0], ahead);
    }
    /* If it did wait, this would take ten minutes; the sleeper stays until the machine goes off. */
    check(wait_for(pid) == 0 && read(ends[0], output, sizeof output) == 5, "the shell waited for a background process");
    return 0;
}
