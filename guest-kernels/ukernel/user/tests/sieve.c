/* Four processes compute at once; the results are known. */
#include "test.h"

#define PROCESSES 4

int main(void)
{
    static char *limits[PROCESSES] = { "1000", "20000", "300000", "500000" };
    static const char *const primes[PROCESSES] = { "168\n", "2262\n", "25997\n", "41538\n" };
    int ends[PROCESSES][2], pids[PROCESSES];
    char text[16];
    for (int i = 0; i < PROCESSES; i++) {
        pipe_checked(ends[i]);
        pids[i] = fork_checked();
        if (pids[i] == 0) {
            char *argv[] = { "primes", limits[i], 0 };
            dup2(ends[i][1], 1);
            exec("/bin/primes", argv);
            exit(127);
        }
        close(ends[i][1]);
    }
    for (int i = 0; i < PROCESSES; i++) {
        text[read_fully(ends[i][0], text, sizeof text - 1)] = 0;
        check(strcmp(text, primes[i]) == 0, "the number of primes is wrong");
        check(wait_for(pids[i]) == 0, "a process failed");
    }
    return 0;
}
