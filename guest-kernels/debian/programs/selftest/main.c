// selftest: does user code of a Linux guest see what it would see on hardware? One line a check: selftest NAME ok, or what went wrong.
//   selftest [NAME...]    exit status 0 when all is well
#include "selftest.h"

static const struct {
    const char *name;
    check *run;
} checks[] = {
    { "fault-signals", check_fault_signals },
    { "fpu-exceptions", check_fpu_exceptions },
    { "single-step-self", check_single_step_self },
    { "alignment", check_alignment },
    { "fpu-in-signals", check_fpu_in_signals },
    { "ptrace-step", check_ptrace_step },
    { "ptrace-breakpoint", check_ptrace_breakpoint },
    { "ptrace-watchpoint", check_ptrace_watchpoint },
    { "ldt-data", check_ldt_data },
    { "ldt-code16", check_ldt_code16 },
    { "ldt-stack16", check_ldt_stack16 },
    { "thread-area", check_thread_area },
    { "selectors", check_selectors },
    { "vm86", check_vm86 },
    { "flags", check_flags },
    { "iopl", check_iopl },
    { "ioperm", check_ioperm },
    { "host-doors", check_host_doors },
    { "vdso", check_vdso },
    { "fpu-switches", check_fpu_switches },
    { "memory", check_memory },
    { "copy-on-write", check_copy_on_write },
    { "generated-code", check_generated_code },
    { "threads", check_threads },
    { "socket-filter", check_filter },
};

enum { PASSED = 0, FAILED = 1 };

static const char *current;

_Noreturn void pass(void)
{
    leave(PASSED);
}

_Noreturn void fail(const char *format, uint32_t value)
{
    char line[200];
    size_t at = strlen(format) < sizeof line - 1 ? strlen(format) : sizeof line - 1;
    memcpy(line, format, at);
    line[at] = 0;
    print("selftest %s FAILED: ", current);
    print(line, value);
    print("\n");
    leave(FAILED);
}

int signal_of(check *run)
{
    int status = 0;
    int32_t process = fork();
    if (process == 0) {
        run();
        leave(0);
    }
    wait_for(process, &status);
    return status & 0x7F;
}

void on_signal(int signal, handler *run)
{
    enum { SA_SIGINFO = 4, SA_NODEFER = 0x40000000 };
    const struct {
        handler *handler;
        uint32_t flags;
        void *restorer;
        uint32_t mask[2];
    } action = { run, SA_SIGINFO | SA_NODEFER, NULL, { 0, 0 } };
    MUST_BE(system_call6(SYS_RT_SIGACTION, signal, (intptr_t)&action, 0, 8, 0, 0), 0);
}

int main(int argc, char **argv, char **environment)
{
    (void)environment;
    int failures = 0;
    for (uint32_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        int wanted = argc == 1;
        for (int j = 1; j < argc; j++)
            wanted |= !strcmp(argv[j], checks[i].name);
        if (!wanted)
            continue;
        current = checks[i].name;
        int status = 0;
        int32_t process = fork();
        if (process == 0) {
            checks[i].run();
            pass();
        }
        wait_for(process, &status);
        if (status & 0x7F)
            print("selftest %s FAILED: killed by signal %d\n", current, (uint32_t)status & 0x7F);
        else if (status == 0)
            print("selftest %s ok\n", current);
        failures += status != 0;
    }
    print("selftest: %d failed\n", (uint32_t)failures);
    return failures != 0;
}
