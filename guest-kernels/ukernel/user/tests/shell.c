/* Lines through `sh -c`: arguments, sequences, pipelines, input from files, errors. */
#include "test.h"

static const struct { char *line; const char *output; } cases[] = {
    { "echo hello  world", "hello world\n" },
    { "echo a; echo b ;echo c", "a\nb\nc\n" },
    { "echo a b c | wc", "1 3 6\n" },
    { "echo x | cat | cat | cat | wc", "1 1 2\n" },
    { "wc < /etc/motd", "3 28 149\n" },
    { "cat /etc/motd | wc", "3 28 149\n" },
    { "cat < /etc/motd | cat | wc", "3 28 149\n" },
    { "primes 100 | cat; primes 10", "25\n4\n" },
    { "ls /etc; ls / | wc", "motd 149\n" },
    { "sh -c primes | wc", "1 1 3\n" },
    { "", "" },
    { " ; ;", "" },
};

int main(void)
{
    static char output[1024];
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *argv[] = { "/bin/sh", "-c", cases[i].line, 0 };
        run(output, sizeof output, argv);
        output[strlen(cases[i].output)] = 0; /* what follows a fixed beginning may depend on the disk */
        if (strcmp(output, cases[i].output) != 0) {
            print("(%s) ", cases[i].line);
            fail("the output is wrong");
        }
    }
    static const struct { char *line; int status; } statuses[] = {
        { "true", 0 }, { "kill", 1 }, { "nothing-here", 127 }, { "exit 7", 7 }, { "cat < /none", 1 },
    };
    for (unsigned i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        char *argv[] = { "/bin/sh", "-c", statuses[i].line, 0 };
        int pid = fork_checked(), ends[2];
        if (pid == 0) {
            pipe_checked(ends);
            dup2(ends[1], 1);
            dup2(ends[1], 2); /* complaints go nowhere */
            exec(argv[0], argv);
        }
        check(wait_for(pid) == STATUS_EXITED(statuses[i].status), "a command's status is wrong");
    }
    return 0;
}
