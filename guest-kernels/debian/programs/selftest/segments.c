// Segments that user code may set up: LDT, 16-bit code and stack, thread-local storage, virtual-8086 mode.
#include "selftest.h"

// struct user_desc (asm/ldt.h).
struct descriptor {
    uint32_t entry, base, limit, flags;
};
enum { SEG_32BIT = 1, CONTENTS_CODE = 2 << 1, LIMIT_IN_PAGES = 16, USEABLE = 64, WRITE_NEW = 0x11 };

static uint32_t ldt_selector(uint32_t entry, uint32_t base, uint32_t limit, uint32_t flags)
{
    struct descriptor d = { entry, base, limit, flags | USEABLE };
    MUST_BE(system_call(SYS_MODIFY_LDT, WRITE_NEW, (intptr_t)&d, sizeof d), 0);
    return entry << 3 | 7;
}

static uint32_t read_at(uint32_t selector, uint32_t offset)
{
    uint32_t value;
    asm volatile("pushl %%es\n\tmovl %1, %%es\n\tmovl %%es:(%2), %0\n\tpopl %%es" : "=&r"(value) : "r"(selector), "r"(offset));
    return value;
}

static uint32_t short_selector;

static void read_beyond(void)
{
    read_at(short_selector, 13);
}

void check_ldt_data(void)
{
    static uint32_t words[8] = { 1, 2, 3, 4, 5 };
    short_selector = ldt_selector(0, (uint32_t)words, 15, SEG_32BIT);
    uint32_t based = ldt_selector(1, (uint32_t)words + 4, 0xFFFFF, SEG_32BIT | LIMIT_IN_PAGES);
    for (int i = 0; i < 20; i++) {
        MUST_BE(read_at(short_selector, 12), 4);
        MUST_BE(read_at(based, 12), 5);
        system_call(SYS_SCHED_YIELD, 0, 0, 0);
    }
    MUST_BE(signal_of(read_beyond), SIGSEGV);
}

void check_ldt_code16(void)
{
    uint8_t *code = map_anonymous(PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
    // In 16-bit code: mov eax, 12345678h (66 B8); add ax, 1 (05); retf with 32-bit operands (66 CB).
    static const uint8_t function[] = { 0x66, 0xB8, 0x78, 0x56, 0x34, 0x12, 0x05, 0x01, 0x00, 0x66, 0xCB };
    memcpy(code + 16, function, sizeof function);
    struct {
        uint32_t offset;
        uint16_t selector;
    } __attribute__((packed)) target = { 16, (uint16_t)ldt_selector(2, (uint32_t)code, 0xFFF, CONTENTS_CODE) };
    for (int i = 0; i < 20; i++) {
        uint32_t result;
        asm volatile("lcall *%1" : "=a"(result) : "m"(target) : "memory");
        MUST_BE(result, 0x12345679);
    }
}

void check_ldt_stack16(void)
{
    uint8_t *stack = map_anonymous(16 * PAGE_SIZE, PROT_READ | PROT_WRITE);
    uint32_t selector = ldt_selector(3, (uint32_t)stack, 0xFFFF, 0);
    for (int i = 0; i < 20; i++) {
        uint32_t process, esp_after;
        // A system call on a 16-bit stack: the kernel must not show the upper half of its own stack pointer.
        asm volatile("movl %%esp, %%esi\n\tmovl %%ss, %%edi\n\tmovl %2, %%ss\n\tmovl $0x8000, %%esp\n\tpushl $0x5A5A\n\tint $0x80\n\tpopl %%edx\n\tmovl %%esp, %1\n\t"
                     "movl %%edi, %%ss\n\tmovl %%esi, %%esp"
                     : "=a"(process), "=b"(esp_after)
                     : "r"(selector), "0"(SYS_GETPID)
                     : "esi", "edi", "edx", "memory");
        MUST_BE(process, system_call(SYS_GETPID, 0, 0, 0));
        MUST_BE(esp_after & 0xFFFF, 0x8000);
    }
}

void check_thread_area(void)
{
    enum { PROCESSES = 6, ROUNDS = 200 };
    int32_t children[PROCESSES];
    for (uint32_t p = 0; p < PROCESSES; p++) {
        children[p] = fork();
        if (children[p] != 0)
            continue;
        // Another base in each process, so that every switch changes what GS means.
        uint32_t *area = (uint32_t *)((uint8_t *)map_anonymous(16 * PAGE_SIZE, PROT_READ | PROT_WRITE) + p * PAGE_SIZE);
        area[0] = 0x1000 + p;
        struct descriptor d = { (uint32_t)-1, (uint32_t)area, 0xFFFFF, SEG_32BIT | LIMIT_IN_PAGES | USEABLE };
        MUST_BE(system_call(SYS_SET_THREAD_AREA, (intptr_t)&d, 0, 0), 0);
        asm volatile("movl %0, %%gs" : : "r"(d.entry << 3 | 3));
        for (int i = 0; i < ROUNDS; i++) {
            uint32_t value, selector;
            system_call(SYS_SCHED_YIELD, 0, 0, 0);
            asm volatile("movl %%gs:0, %0\n\tmovl %%gs, %1" : "=r"(value), "=r"(selector));
            MUST_BE(value, 0x1000 + p);
            MUST_BE(selector, d.entry << 3 | 3);
        }
        pass();
    }
    for (uint32_t p = 0; p < PROCESSES; p++) {
        int status = -1;
        wait_for(children[p], &status);
        MUST_BE(status, 0);
    }
}

void check_selectors(void)
{
    uint32_t cs, ss, limit = 0, rights = 0, found;
    asm volatile("movl %%cs, %0\n\tmovl %%ss, %1" : "=r"(cs), "=r"(ss));
    MUST_BE(cs & 3, 3);
    MUST_BE(ss, cs + 8);
    asm volatile("lsl %1, %0" : "=r"(limit) : "r"(cs));
    MUST_BE(limit, 0xFFFFFFFF);
    asm volatile("lar %1, %0" : "=r"(rights) : "r"(cs));
    MUST_BE(rights & 0xF8FF00, 0xC8FA00 | (rights & 0x100));
    asm volatile("verw %w1\n\tsete %b0" : "=q"(found) : "r"(ss));
    MUST_BE(found & 0xFF, 1);
    asm volatile("verr %w1\n\tsete %b0" : "=q"(found) : "r"(0x1238));
    MUST_BE(found & 0xFF, 0);
    // A far call to the present code segment, and a far return.
    asm volatile("pushl %%cs\n\tcall 1f\n\tjmp 2f\n1: lret\n2:\n\tnop" : : : "memory");
    asm volatile("pushl %%fs\n\tpopl %%fs\n\tpushl %%ds\n\tpopl %%es" : : : "memory");
}

// Virtual-8086 mode by vm86old: mov ax, 1234h; int 20h, which the structure sends back to us (asm/vm86.h).
void check_vm86(void)
{
    enum { MAP_FIXED = 0x10, SEGMENT = 0x2000, VM86_INTX = 2 };
    struct {
        uint32_t ebx, ecx, edx, esi, edi, ebp, eax, null_ds, null_es, null_fs, null_gs, orig_eax, eip;
        uint16_t cs, cs_high;
        uint32_t eflags, esp;
        uint16_t ss, ss_high, es, es_high, ds, ds_high, fs, fs_high, gs, gs_high;
        uint32_t flags, screen_bitmap, cpu_type;
        uint8_t revectored[32], revectored21[32];
    } machine;
    static const uint8_t program[] = { 0xB8, 0x34, 0x12, 0xCD, 0x20 };
    uint8_t *low = (uint8_t *)system_call6(SYS_MMAP2, SEGMENT << 4, 16 * PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    MUST_BE(low, SEGMENT << 4);
    memcpy(low, program, sizeof program);
    memset(&machine, 0, sizeof machine);
    memset(machine.revectored, 0xFF, sizeof machine.revectored);
    machine.cs = machine.ss = machine.ds = SEGMENT;
    machine.esp = 0x8000;
    int32_t result = system_call(SYS_VM86OLD, (intptr_t)&machine, 0, 0);
    if (result == -38)
        pass(); // a kernel without it
    MUST_BE(result, VM86_INTX | 0x20 << 8);
    MUST_BE(machine.eax & 0xFFFF, 0x1234);
    MUST_BE(machine.eip, 5);
}
