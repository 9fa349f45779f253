/* Four processes write, read and remove their own files at the same time. */
#include "test.h"

#define PROCESSES 4
#define ROUNDS 5

static uint8_t data[6000], back[6000];

static void work(int self)
{
    char path[] = "/disk/process0";
    path[13] += self;
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < sizeof data; i++)
            data[i] = i * 7 + self * 50 + round;
        int file = open(path, O_READ | O_WRITE | O_CREATE);
        for (unsigned at = 0; at < sizeof data; at += 600) {
            check(write(file, data + at, 600) == 600, "write failed");
            yield();
        }
        lseek(file, 0, SEEK_SET);
        check(read(file, back, sizeof back) == sizeof back && memcmp(data, back, sizeof data) == 0, "files got mixed up");
        close(file);
        check(unlink(path) == 0, "unlink failed");
        if (round % 2)
            sync(true);
    }
    exit(0);
}

int main(void)
{
    int pids[PROCESSES], before = free_blocks();
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork_checked();
        if (pids[i] == 0)
            work(i);
    }
    for (int i = 0; i < PROCESSES; i++)
        check(wait_for(pids[i]) == 0, "a process failed");
    check(before - free_blocks() <= 1, "blocks were lost");
    return 0;
}
