/* exec: arguments arrive, memory is fresh, descriptors stay; bad files leave the old program running. */
#include "test.h"

int main(int argc, char **argv)
{
    static int untouched = 5;
    char output[64], *echo[] = { "/bin/echo", "one", "two words", "", "x", 0 };
    if (argc > 1)
        exit(untouched == 5 && argc == 2 && strcmp(argv[1], "again") == 0 && argv[2] == 0 ? 42 : 43);
    check(run(output, sizeof output, echo) == 0, "echo failed");
    check(strcmp(output, "one two words  x\n") == 0, "arguments arrived wrong");

    char *again[] = { argv[0], "again", 0 };
    untouched = 6;
    check(run(output, sizeof output, again) == STATUS_EXITED(42), "the new program saw old memory");

    check(exec("/bin/none", echo) == -ENOENT, "a missing file should mean ENOENT");
    check(exec("/etc/motd", echo) == -ENOEXEC, "a text file should mean ENOEXEC");
    check(exec("/bin", echo) == -ENOEXEC, "a directory should mean ENOEXEC");
    char *many[41];
    for (int i = 0; i < 40; i++)
        many[i] = "argument";
    many[40] = 0;
    check(exec("/bin/echo", many) == -E2BIG, "too many arguments should mean E2BIG");
    return 0;
}
