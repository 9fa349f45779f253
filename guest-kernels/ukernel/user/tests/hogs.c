/* Three processes that never call the kernel share the CPU evenly; a sleeper still gets its turn. */
#include "test.h"

#define HOGS 3
#define ENOUGH 5 /* ticks of CPU time for each */

int main(void)
{
    int pids[HOGS], least, most;
    for (int i = 0; i < HOGS; i++) {
        pids[i] = fork_checked();
        if (pids[i] == 0)
            for (;;)
                ;
    }
    unsigned start = uptime();
    do {
        check(uptime() - start < 20000, "a hog starves");
        sleep(10);
        least = most = cputime(pids[0]);
        for (int i = 1; i < HOGS; i++) {
            int time = cputime(pids[i]);
            least = time < least ? time : least;
            most = time > most ? time : most;
        }
    } while (least < ENOUGH);
    check(most - least <= 3, "the hogs got uneven shares");
    for (int i = 0; i < HOGS; i++) {
        kill(pids[i], SIGKILL);
        check(wait_for(pids[i]) == STATUS_KILLED(SIGKILL), "a hog was not killed");
    }
    return 0;
}
