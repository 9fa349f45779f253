/* Process 1: runs the tests of its table (or, by the boot command line, one of them, the shell, the benchmark or a fork bomb)
   and switches the machine off. */
#include "user.h"

struct test { const char *name; bool needs_disk; char *argv[3]; };

#define TEST(name) { name, false, { "/tests/" name } }
#define KERNEL_TEST(name) { "kernel-" name, false, { "/tests/kernel", name } }
#define DISK_TEST(name) { name, true, { "/tests/" name } }

static const struct test tests[] = {
    KERNEL_TEST("remap"), KERNEL_TEST("directory-reload"), KERNEL_TEST("large-page"), KERNEL_TEST("write-protect"),
    KERNEL_TEST("accessed-dirty"), KERNEL_TEST("interrupt-flag"), KERNEL_TEST("timer-counter"), KERNEL_TEST("pic-mask"),
    TEST("fork"), TEST("fork-tree"), TEST("fork-limit"), TEST("wait"), TEST("exec"), TEST("pids"),
    TEST("pipe"), TEST("pipe-ends"), TEST("token-ring"), TEST("descriptors"),
    TEST("copy-on-write"), TEST("copy-on-write-kernel"), TEST("demand-zero"), TEST("sbrk"), TEST("sbrk-big"),
    TEST("memory-exhaustion"), TEST("stack-growth"), TEST("stack-overflow"), TEST("read-only"), TEST("kernel-memory"),
    TEST("divide-error"), TEST("invalid-opcode"), TEST("breakpoint"), TEST("overflow-bound"), TEST("single-step"),
    TEST("privileged"), TEST("gates"), TEST("segments"), TEST("eflags"), TEST("generated-code"),
    TEST("bad-pointers"), TEST("bad-calls"), TEST("signals"), TEST("signal-interrupts"), TEST("sigreturn-forged"),
    TEST("kill"), TEST("hogs"), TEST("registers"), TEST("fpu"), TEST("sleep-order"), TEST("uptime"), TEST("sieve"), TEST("leaks"),
    TEST("root-files"), TEST("shell"), TEST("shell-background"),
    DISK_TEST("disk-files"), DISK_TEST("disk-large"), DISK_TEST("disk-unlink"), DISK_TEST("disk-directories"),
    DISK_TEST("disk-exec"), DISK_TEST("disk-shell"), DISK_TEST("disk-concurrent"), DISK_TEST("disk-persistence"),
};
#define TEST_COUNT (sizeof tests / sizeof *tests)

static int run(char *const argv[])
{
    int pid = fork(), status;
    if (pid == 0) {
        exec(argv[0], argv);
        exit(127);
    }
    while (waitpid(-1, &status, 0) != pid) /* the others are orphans that init adopted */
        ;
    return status;
}

static bool passes(const struct test *test)
{
    print("test %s ... ", test->name);
    int status = run(test->argv);
    if (status == STATUS_EXITED(0))
        print("ok\n");
    else if (status != STATUS_EXITED(1)) /* on 1 the test has said why */
        print("FAILED: status %x\n", status);
    return status == STATUS_EXITED(0);
}

static bool starts_with(const char *s, const char *prefix)
{
    while (*prefix)
        if (*s++ != *prefix++)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    char *shell[] = { "/bin/sh", 0 }, *bench[] = { "/bin/bench", 0 }, *diskbench[] = { "/bin/diskbench", 0 }, *bomb[] = { "/bin/bomb", 0 };
    const char *only = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "shell") == 0) {
            run(shell);
            poweroff(true);
        }
        if (strcmp(argv[i], "bench") == 0)
            poweroff(run(bench) == 0);
        if (strcmp(argv[i], "diskbench") == 0)
            poweroff(run(diskbench) == 0);
        if (strcmp(argv[i], "bomb") == 0)
            poweroff(run(bomb) == 0);
        if (starts_with(argv[i], "only="))
            only = argv[i] + 5;
    }

    int disk = open("/disk", O_READ);
    unsigned failed = 0, ran = 0;
    if (disk >= 0)
        close(disk);
    for (unsigned i = 0; i < TEST_COUNT; i++) {
        if ((only && strcmp(only, tests[i].name) != 0) || (disk < 0 && tests[i].needs_disk))
            continue;
        ran++;
        failed += !passes(&tests[i]);
    }
    if (ran && !failed)
        print("ALL TESTS PASSED\n");
    else if (!ran)
        print("NO SUCH TEST: %s\n", only);
    else
        print("%u OF %u TESTS FAILED\n", failed, ran);
    poweroff(ran && !failed);
    return 0;
}
