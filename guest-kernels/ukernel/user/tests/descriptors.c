/* dup, dup2 and shared offsets; the table's limit; closed and wrong numbers. */
#include "test.h"

int main(void)
{
    char a, b;
    int file = open("/etc/motd", O_READ), copy = dup(file);
    check(file >= 0 && copy > file, "open or dup failed");
    check(read(file, &a, 1) == 1 && read(copy, &b, 1) == 1 && a == 'T' && b == 'h', "copies should share the offset");
    check(dup2(file, 15) == 15 && read(15, &a, 1) == 1 && a == 'e', "dup2 failed");
    check(dup2(file, 16) == -EBADF && dup(77) == -EBADF && close(77) == -EBADF && close(-1) == -EBADF, "bad numbers were taken");
    check(close(file) == 0 && close(file) == -EBADF, "a descriptor closes once");
    check(read(copy, &a, 1) == 1 && a == ' ', "the copy should outlive the original");

    int count = 0, last;
    while ((last = dup(0)) >= 0)
        count++;
    check(last == -EMFILE && count >= 8, "the table's limit should mean EMFILE");
    int ends[2];
    check(pipe(ends) == -EMFILE, "a pipe needs two descriptors");
    return 0;
}
