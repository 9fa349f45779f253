/* A program copied to the disk runs from there, its pages loaded by demand from disk blocks. */
#include "test.h"

static char buffer[4096];

static void copy(const char *from, const char *to)
{
    int source = open(from, O_READ), target = open(to, O_WRITE | O_CREATE | O_TRUNCATE), got;
    check(source >= 0 && target >= 0, "open failed");
    while ((got = read(source, buffer, sizeof buffer)) > 0)
        check(write(target, buffer, got) == got, "write failed");
    close(source);
    close(target);
}

int main(void)
{
    char *argv[] = { "/disk/primes", "100000", 0 };
    copy("/bin/primes", argv[0]);
    check(sync(true) == 0, "sync failed");
    for (int i = 0; i < 3; i++)
        check(run(buffer, sizeof buffer, argv) == 0 && strcmp(buffer, "9592\n") == 0, "the program on the disk failed");

    int truncated = open(argv[0], O_READ | O_WRITE | O_TRUNCATE);
    check(exec(argv[0], argv) == -ENOEXEC, "an empty file was executed");
    close(truncated);
    return unlink(argv[0]);
}
