/* fork: children run with their own memory and exit codes; the parent waits for each. */
#include "test.h"

#define CHILDREN 20

int main(void)
{
    static int variable = 7;
    int pids[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = fork_checked();
        if (pids[i] == 0) {
            variable += i;
            exit(variable);
        }
    }
    for (int i = CHILDREN - 1; i >= 0; i--)
        check(wait_for(pids[i]) == STATUS_EXITED(7 + i), "a child's exit code is wrong");
    check(variable == 7, "a child changed the parent's memory");
    return 0;
}
