/* Support of the test programs: failing, catching exceptions, running children. */
#include "test.h"

bool attempt_call(void (*function)(void));
void attempt_recover(void);

struct signal_context caught;

void fail(const char *why)
{
    print("FAILED: %s\n", why);
    exit(1);
}

static void recover(int number, struct signal_context *context)
{
    caught = *context;
    context->eip = (uint32_t)attempt_recover;
}

bool attempt(void (*function)(void))
{
    static const int exceptions[] = { SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV };
    for (unsigned i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        signal(exceptions[i], recover);
    memset(&caught, 0, sizeof caught);
    bool result = attempt_call(function);
    for (unsigned i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        signal(exceptions[i], 0);
    return result;
}

int wait_for(int pid)
{
    int status = -1;
    if (waitpid(pid, &status, 0) != pid)
        fail("waitpid did not find the child");
    return status;
}

int fork_checked(void)
{
    int pid = fork();
    if (pid < 0)
        fail("fork failed");
    return pid;
}

int status_of(void (*function)(void))
{
    int pid = fork_checked();
    if (pid == 0) {
        function();
        exit(0);
    }
    return wait_for(pid);
}

void pipe_checked(int descriptors[2])
{
    if (pipe(descriptors) != 0)
        fail("pipe failed");
}

int read_fully(int descriptor, void *buffer, int count)
{
    int done = 0, got;
    while (done < count && (got = read(descriptor, (char *)buffer + done, count - done)) > 0)
        done += got;
    return done;
}

int run(char *output, int size, char *const argv[])
{
    int ends[2];
    pipe_checked(ends);
    int pid = fork_checked();
    if (pid == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        exec(argv[0], argv);
        exit(127);
    }
    close(ends[1]);
    output[read_fully(ends[0], output, size - 1)] = 0;
    close(ends[0]);
    return wait_for(pid);
}
