/* Five processes in a ring of pipes pass a number around a hundred times, each adding one. */
#include "test.h"

#define NODES 5
#define LAPS 100

int main(void)
{
    int pipes[NODES][2], pids[NODES], token = 0;
    for (int i = 0; i < NODES; i++)
        pipe_checked(pipes[i]);
    for (int i = 1; i < NODES; i++) {
        pids[i] = fork_checked();
        if (pids[i])
            continue;
        for (int lap = 0; lap < LAPS; lap++) {
            check(read(pipes[i - 1][0], &token, sizeof token) == sizeof token, "the token is broken");
            token++;
            write(pipes[i][1], &token, sizeof token);
        }
        exit(0);
    }
    for (int lap = 0; lap < LAPS; lap++) {
        token++;
        write(pipes[0][1], &token, sizeof token);
        check(read(pipes[NODES - 1][0], &token, sizeof token) == sizeof token, "the token is broken");
    }
    check(token == NODES * LAPS, "the token counted wrong");
    for (int i = 1; i < NODES; i++)
        check(wait_for(pids[i]) == 0, "a node failed");
    return 0;
}
