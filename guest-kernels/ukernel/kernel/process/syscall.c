/* The system call table and the calls about processes, memory and time; those about files are in files/syscalls.c. */
#include "process/syscall.h"
#include "abi/errors.h"
#include "abi/syscalls.h"
#include "cpu/instructions.h"
#include "drivers/debug_exit.h"
#include "drivers/pit.h"
#include "files/disk_fs.h"
#include "memory/frames.h"
#include "memory/user_copy.h"
#include "process/process.h"
#include "process/signal.h"
#include "selftest/selftest.h"

typedef int system_call(struct trap_frame *frame, uint32_t a, uint32_t b, uint32_t c);

static int sys_exit(struct trap_frame *frame, uint32_t code, uint32_t b, uint32_t c) { process_exit(STATUS_EXITED(code)); }
static int sys_fork(struct trap_frame *frame, uint32_t a, uint32_t b, uint32_t c) { return process_fork(frame); }
static int sys_wait(struct trap_frame *frame, uint32_t pid, uint32_t status, uint32_t options) { return process_wait(pid, status, options); }
static int sys_getpid(struct trap_frame *frame, uint32_t a, uint32_t b, uint32_t c) { return current->pid; }
static int sys_getppid(struct trap_frame *frame, uint32_t a, uint32_t b, uint32_t c) { return current->parent ? current->parent->pid : 0; }
static int sys_sbrk(struct trap_frame *frame, uint32_t delta, uint32_t b, uint32_t c) { return address_space_sbrk(&current->space, delta); }
static int sys_uptime(struct trap_frame *frame, uint32_t a, uint32_t b, uint32_t c) { return ticks * MILLISECONDS_PER_TICK; }
static int sys_sigreturn(struct trap_frame *frame, uint32_t context, uint32_t b, uint32_t c) { return signal_return(frame, context); }
static int sys_free_memory(struct trap_frame *frame, uint32_t a, uint32_t b, uint32_t c) { return frames_free(); }
static int sys_free_blocks(struct trap_frame *frame, uint32_t a, uint32_t b, uint32_t c) { return disk_fs_free_blocks(); }
static int sys_sync(struct trap_frame *frame, uint32_t forget, uint32_t b, uint32_t c) { return disk_fs_sync(forget); }
static int sys_signal(struct trap_frame *frame, uint32_t signal, uint32_t handler, uint32_t restorer)
{
    return signal_register(signal, handler, restorer);
}

static int sys_exec(struct trap_frame *frame, uint32_t path_address, uint32_t argv, uint32_t c)
{
    char path[PATH_LENGTH];
    int length = copy_string_from_user(path, path_address, sizeof path);
    return length < 0 ? length : process_exec(path, argv, frame);
}

/* The tick in progress does not count: a sleep is never shorter than asked for. */
static int sleep_ticks(uint32_t deadline)
{
    while ((int32_t)(ticks - deadline) < 0) {
        if (signal_pending(current))
            return -EINTR;
        sleep_until_tick(deadline);
    }
    return 0;
}

static int sys_sleep(struct trap_frame *frame, uint32_t milliseconds, uint32_t b, uint32_t c)
{
    return milliseconds > 0x7FFFFFFF ? -EINVAL
                                     : sleep_ticks(ticks + (milliseconds + MILLISECONDS_PER_TICK - 1) / MILLISECONDS_PER_TICK + 1);
}

static int sys_sleep_until(struct trap_frame *frame, uint32_t milliseconds, uint32_t b, uint32_t c)
{
    return sleep_ticks((milliseconds + MILLISECONDS_PER_TICK - 1) / MILLISECONDS_PER_TICK);
}

static int sys_kill(struct trap_frame *frame, uint32_t pid, uint32_t signal, uint32_t c)
{
    struct process *target = process_find(pid);
    if (signal >= SIGNAL_COUNT || pid == 1)
        return -EINVAL;
    if (!target || target->state == PROCESS_ZOMBIE)
        return -ESRCH;
    if (signal)
        signal_send(target, signal);
    return 0;
}

static int sys_yield(struct trap_frame *frame, uint32_t a, uint32_t b, uint32_t c)
{
    schedule();
    return 0;
}

static int sys_cputime(struct trap_frame *frame, uint32_t pid, uint32_t b, uint32_t c)
{
    const struct process *target = process_find(pid);
    return target ? (int)target->cpu_ticks : -ESRCH;
}

static int sys_selftest(struct trap_frame *frame, uint32_t name_address, uint32_t why_address, uint32_t c)
{
    char name[32];
    int length = copy_string_from_user(name, name_address, sizeof name);
    return length < 0 ? length : selftest_run(name, why_address);
}

static int sys_poweroff(struct trap_frame *frame, uint32_t success, uint32_t b, uint32_t c)
{
    if (current->pid != 1)
        return -EINVAL;
    disk_fs_sync(false);
    debug_exit(success ? DEBUG_EXIT_SUCCESS : DEBUG_EXIT_FAILURE);
}

static system_call *const system_calls[SYSCALL_COUNT] = {
    [SYS_exit] = sys_exit, [SYS_fork] = sys_fork, [SYS_read] = sys_read, [SYS_write] = sys_write, [SYS_open] = sys_open,
    [SYS_close] = sys_close, [SYS_waitpid] = sys_wait, [SYS_unlink] = sys_unlink, [SYS_exec] = sys_exec, [SYS_lseek] = sys_lseek,
    [SYS_getpid] = sys_getpid, [SYS_getppid] = sys_getppid, [SYS_pipe] = sys_pipe, [SYS_dup] = sys_dup, [SYS_dup2] = sys_dup2,
    [SYS_sbrk] = sys_sbrk, [SYS_sleep] = sys_sleep, [SYS_sleep_until] = sys_sleep_until, [SYS_kill] = sys_kill,
    [SYS_yield] = sys_yield, [SYS_uptime] = sys_uptime, [SYS_signal] = sys_signal, [SYS_sigreturn] = sys_sigreturn,
    [SYS_cputime] = sys_cputime, [SYS_mkdir] = sys_mkdir, [SYS_sync] = sys_sync, [SYS_free_memory] = sys_free_memory,
    [SYS_free_blocks] = sys_free_blocks, [SYS_selftest] = sys_selftest, [SYS_poweroff] = sys_poweroff, [SYS_fstat] = sys_fstat,
};

void syscall_handle(struct trap_frame *frame)
{
    system_call *call = frame->eax < SYSCALL_COUNT ? system_calls[frame->eax] : 0;
    int result = call ? call(frame, frame->ebx, frame->ecx, frame->edx) : -ENOSYS;
    frame->eax = result;
}
