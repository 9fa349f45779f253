/* The shell's redirections and the file commands, on the disk. */
#include "test.h"

static const struct { char *line; const char *output; } cases[] = {
    { "echo one > /disk/f; cat /disk/f", "one\n" },
    { "echo two >> /disk/f; cat < /disk/f", "one\ntwo\n" },
    { "cat < /disk/f | wc > /disk/g; cat /disk/g /disk/f", "2 2 8\none\ntwo\n" },
    { "mkdir /disk/d; echo x > /disk/d/y; ls /disk/d; cat /disk/d/y", "y 2\nx\n" },
    { "echo new > /disk/f; cat /disk/f; wc < /disk/f", "new\n1 1 4\n" },
    { "rm /disk/f /disk/g /disk/d/y /disk/d; ls /disk", "" },
};

int main(void)
{
    char output[256];
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *argv[] = { "/bin/sh", "-c", cases[i].line, 0 };
        run(output, sizeof output, argv);
        output[strlen(cases[i].output)] = 0;
        if (strcmp(output, cases[i].output) != 0) {
            print("(%s) ", cases[i].line);
            fail("the output is wrong");
        }
    }
    return 0;
}
