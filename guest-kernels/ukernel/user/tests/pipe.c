/* 256 KiB through a pipe, in writes and reads of odd sizes. */
#include "test.h"

#define TOTAL (256 * 1024)

static uint8_t pattern(unsigned i) { return i * 31 + (i >> 8) * 7; }

static uint8_t buffer[5000];

int main(void)
{
    int ends[2];
    pipe_checked(ends);
    int pid = fork_checked();
    if (pid == 0) {
        close(ends[0]);
        for (unsigned at = 0, size; at < TOTAL; at += size) {
            size = 1 + at % 4999 < TOTAL - at ? 1 + at % 4999 : TOTAL - at;
            for (unsigned i = 0; i < size; i++)
                buffer[i] = pattern(at + i);
            check(write(ends[1], buffer, size) == (int)size, "a write was short");
        }
        exit(0);
    }
    close(ends[1]);
    unsigned at = 0;
    for (int got; (got = read(ends[0], buffer, 1 + at % 3001)) > 0; at += got)
        for (int i = 0; i < got; i++)
            check(buffer[i] == pattern(at + i), "a byte arrived wrong");
    check(at == TOTAL, "bytes were lost");
    check(wait_for(pid) == 0, "the writer failed");
    return 0;
}
