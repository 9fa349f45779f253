// Processes side by side: what each has in registers and memory stays its own.
#include "selftest.h"

static void wait_for_all(const int32_t *children, uint32_t count)
{
    for (uint32_t p = 0; p < count; p++) {
        int status = -1;
        wait_for(children[p], &status);
        MUST_BE(status, 0);
    }
}

void check_fpu_switches(void)
{
    enum { PROCESSES = 5, ROUNDS = 300 };
    int32_t children[PROCESSES];
    for (uint32_t p = 0; p < PROCESSES; p++) {
        children[p] = fork();
        if (children[p] != 0)
            continue;
        uint32_t number = 1000 + p, lanes[4] = { p, p * 3, p * 5, p * 7 }, mxcsr = 0x1F80 | p % 4 << 13, after = 0, sum, out[4];
        uint16_t control = (uint16_t)(0x37F | p % 4 << 10), control_after = 0;
        for (int i = 0; i < ROUNDS; i++) {
            asm volatile("fninit\n\tfldcw %6\n\tfildl %4\n\tldmxcsr %7\n\tmovups %5, %%xmm3\n\tmovl %8, %%eax\n\tint $0x80\n\t"
                         "fistpl %0\n\tfnstcw %3\n\tstmxcsr %2\n\tmovups %%xmm3, %1"
                         : "=m"(sum), "=m"(out), "=m"(after), "=m"(control_after)
                         : "m"(number), "m"(lanes), "m"(control), "m"(mxcsr), "i"(SYS_SCHED_YIELD)
                         : "eax");
            MUST_BE(sum, number);
            MUST_BE(control_after, control);
            MUST_BE(after & 0xFFC0, mxcsr & 0xFFC0);
            MUST_BE(memcmp(out, lanes, sizeof out), 0);
        }
        pass();
    }
    wait_for_all(children, PROCESSES);
}

void check_memory(void)
{
    enum { PAGES = 4096 };
    uint8_t *memory = map_anonymous(PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE);
    for (uint32_t i = 0; i < PAGES; i++) {
        uint32_t *word = (uint32_t *)(memory + i * PAGE_SIZE + (i & 0x3FF) * 4);
        MUST_BE(*word, 0);
        *word = i * 2654435761u;
    }
    for (uint32_t i = 0; i < PAGES; i++)
        MUST_BE(*(uint32_t *)(memory + i * PAGE_SIZE + (i & 0x3FF) * 4), i * 2654435761u);
    MUST_BE(system_call(SYS_MPROTECT, (intptr_t)memory, PAGE_SIZE, PROT_READ), 0);
    MUST_BE(system_call(SYS_MUNMAP, (intptr_t)memory, PAGES * PAGE_SIZE, 0), 0);
}

void check_copy_on_write(void)
{
    enum { PROCESSES = 8, PAGES = 64 };
    int32_t children[PROCESSES];
    uint32_t *memory = map_anonymous(PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE);
    for (uint32_t i = 0; i < PAGES; i++)
        memory[i * 1024] = i;
    for (uint32_t p = 0; p < PROCESSES; p++) {
        children[p] = fork();
        if (children[p] != 0)
            continue;
        for (uint32_t i = p; i < PAGES; i += 2)
            memory[i * 1024] += p * 1000;
        system_call(SYS_SCHED_YIELD, 0, 0, 0);
        for (uint32_t i = 0; i < PAGES; i++)
            MUST_BE(memory[i * 1024], i >= p && (i - p) % 2 == 0 ? i + p * 1000 : i);
        pass();
    }
    wait_for_all(children, PROCESSES);
    for (uint32_t i = 0; i < PAGES; i++)
        MUST_BE(memory[i * 1024], i);
}

// What a compiler at run time does: code written and executed by turns, in one page, and with sensitive instructions in it.
void check_generated_code(void)
{
    uint8_t *code = map_anonymous(PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t at = (i & 7) * 32;
        // mov eax, i; pushf; popf; push ds; pop ds; ret
        code[at] = 0xB8;
        memcpy(code + at + 1, &i, 4);
        code[at + 5] = 0x9C;
        code[at + 6] = 0x9D;
        code[at + 7] = 0x1E;
        code[at + 8] = 0x1F;
        code[at + 9] = 0xC3;
        MUST_BE(((uint32_t(*)(void))(code + at))(), i);
        if (i % 16 == 0) {
            MUST_BE(system_call(SYS_MPROTECT, (intptr_t)code, PAGE_SIZE, PROT_READ | PROT_EXEC), 0);
            MUST_BE(((uint32_t(*)(void))(code + at))(), i);
            MUST_BE(system_call(SYS_MPROTECT, (intptr_t)code, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
        }
    }
}

static volatile uint32_t counter, threads_done;

static void count_in_thread(void)
{
    for (int i = 0; i < 20000; i++)
        asm volatile("lock incl %0" : "+m"(counter));
    asm volatile("lock incl %0" : "+m"(threads_done));
    leave(0);
}

void check_threads(void)
{
    enum { THREADS = 4, CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400, STACK_BYTES = 16384 };
    for (uint32_t t = 0; t < THREADS; t++) {
        uint32_t *top = (uint32_t *)((uint8_t *)map_anonymous(STACK_BYTES, PROT_READ | PROT_WRITE) + STACK_BYTES) - 8;
        *top = (uint32_t)count_in_thread;
        int32_t result;
        asm volatile("int $0x80\n\ttestl %0, %0\n\tjnz 1f\n\tret\n1:"
                     : "=a"(result)
                     : "0"(SYS_CLONE), "b"(CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD), "c"(top), "d"(0), "S"(0), "D"(0)
                     : "memory");
        MUST_BE(result > 0, 1);
    }
    while (threads_done < THREADS)
        system_call(SYS_SCHED_YIELD, 0, 0, 0);
    MUST_BE(counter, THREADS * 20000);
}

// A socket filter: classic BPF, which the kernel compiles to native code where net.core.bpf_jit_enable is set. It lets through what
// begins with 'y'.
void check_filter(void)
{
    enum { SOCKETPAIR = 8, SEND = 9, RECV = 10, SETSOCKOPT = 14, AF_UNIX = 1, SOCK_DGRAM = 2, SOL_SOCKET = 1, SO_ATTACH_FILTER = 26, MSG_DONTWAIT = 0x40 };
    static const struct {
        uint16_t code;
        uint8_t if_true, if_false;
        uint32_t value;
    } program[] = { { 0x30, 0, 0, 0 }, { 0x15, 0, 1, 'y' }, { 0x06, 0, 0, 0xFFFF }, { 0x06, 0, 0, 0 } };
    struct {
        uint16_t length;
        const void *program;
    } filter = { 4, program };
    int sockets[2];
    intptr_t pair[4] = { AF_UNIX, SOCK_DGRAM, 0, (intptr_t)sockets };
    MUST_BE(system_call(SYS_SOCKETCALL, SOCKETPAIR, (intptr_t)pair, 0), 0);
    intptr_t attach[5] = { sockets[1], SOL_SOCKET, SO_ATTACH_FILTER, (intptr_t)&filter, sizeof filter };
    MUST_BE(system_call(SYS_SOCKETCALL, SETSOCKOPT, (intptr_t)attach, 0), 0);
    for (int i = 0; i < 50; i++) {
        char packet[2] = { i % 2 ? 'y' : 'n', (char)i }, got[8] = { 0 };
        intptr_t send[4] = { sockets[0], (intptr_t)packet, 2, 0 }, receive[4] = { sockets[1], (intptr_t)got, 8, MSG_DONTWAIT };
        system_call(SYS_SOCKETCALL, SEND, (intptr_t)send, 0);
        MUST_BE(system_call(SYS_SOCKETCALL, RECV, (intptr_t)receive, 0), i % 2 ? 2 : -11);
        MUST_BE(got[1], i % 2 ? i : 0);
    }
}
