/* What a pipe does without readers or writers, and at its wrong end. */
#include "test.h"

static int signals;
static void count(int number, struct signal_context *context) { signals += number == SIGPIPE; }

static void write_alone(void)
{
    int ends[2];
    pipe_checked(ends);
    close(ends[0]);
    write(ends[1], "x", 1);
}

int main(void)
{
    int ends[2];
    char bytes[4];
    pipe_checked(ends);
    check(write(ends[0], "x", 1) == -EBADF, "the read end was written");
    check(read(ends[1], bytes, 1) == -EBADF, "the write end was read");
    check(lseek(ends[0], 0, SEEK_SET) == -ESPIPE, "a pipe cannot seek");
    check(write(ends[1], "ab", 2) == 2 && close(ends[1]) == 0, "write failed");
    check(read(ends[0], bytes, 4) == 2, "what was written should remain");
    check(read(ends[0], bytes, 4) == 0, "without writers read should say end of file");
    close(ends[0]);

    signal(SIGPIPE, count);
    pipe_checked(ends);
    close(ends[0]);
    check(write(ends[1], "x", 1) == -EPIPE && signals == 1, "without readers: EPIPE and one SIGPIPE");
    signal(SIGPIPE, 0);
    check(status_of(write_alone) == STATUS_KILLED(SIGPIPE), "SIGPIPE should kill");
    return 0;
}
