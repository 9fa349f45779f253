// Moves, pushes and pops of segment registers: a guest's selector must read back as what the guest loaded.
#include "check.h"
#include "groups.h"
#include "tables.h"

#define UNTOUCHED 0xEEEEEEEE
#define UPPER (UNTOUCHED & 0xFFFF0000)

// What each register is loaded with: flat where the compiler's own accesses need it, based elsewhere.
#define LOADED_ds SELECTOR_DATA_ALIAS
#define LOADED_es SELECTOR_DATA_ALIAS
#define LOADED_ss SELECTOR_DATA_ALIAS
#define LOADED_fs SELECTOR_BASED
#define LOADED_gs SELECTOR_LOCAL_DATA

// One assembly block each, so that the loaded value lives exactly between its load and its store; BACK restores.
#define BACK(segment) "movl %k[kernel], %%" #segment
#define WITH_KERNEL [kernel] "r"(SELECTOR_KERNEL_DATA)
#define DEFINE_LOADS(segment)                                                                        \
    PROBE segment##_mov_mov32(void)                                                                  \
    {                                                                                                \
        uint32_t saw = UNTOUCHED;                                                                    \
        asm volatile("movw %w1, %%" #segment "; movl %%" #segment ", %0;" BACK(segment)              \
                     : "+&r"(saw) : "r"(LOADED_##segment), WITH_KERNEL);                             \
        return saw & 0xFFFF; /* upper half: cleared by newer processors only */                      \
    }                                                                                                \
    PROBE segment##_mov_mov16(void)                                                                  \
    {                                                                                                \
        uint32_t saw = UNTOUCHED;                                                                    \
        asm volatile("movl %1, %%" #segment "; movw %%" #segment ", %w0;" BACK(segment)              \
                     : "+&r"(saw) : "r"(LOADED_##segment), WITH_KERNEL);                             \
        return saw;                                                                                  \
    }                                                                                                \
    PROBE segment##_mov_memory(void)                                                                 \
    {                                                                                                \
        uint32_t saw = UNTOUCHED;                                                                    \
        static const uint16_t selector = LOADED_##segment;                                           \
        asm volatile("movw %1, %%" #segment "; movw %%" #segment ", %0;" BACK(segment)               \
                     : "+m"(saw) : "m"(selector), WITH_KERNEL);                                      \
        return saw;                                                                                  \
    }                                                                                                \
    PROBE segment##_push_pop(void)                                                                   \
    {                                                                                                \
        uint32_t saw;                                                                                \
        asm volatile("pushl %1; popl %%" #segment "; pushl %%" #segment "; popl %0;" BACK(segment)   \
                     : "=&r"(saw) : "r"(LOADED_##segment), WITH_KERNEL : "memory");                  \
        return saw & 0xFFFF;                                                                         \
    }                                                                                                \
    PROBE segment##_push_pop16(void)                                                                 \
    {                                                                                                \
        uint32_t saw = UNTOUCHED;                                                                    \
        asm volatile("pushw %w1; popw %%" #segment "; pushw %%" #segment "; popw %w0;" BACK(segment) \
                     : "+&r"(saw) : "r"(LOADED_##segment), WITH_KERNEL : "memory");                  \
        return saw;                                                                                  \
    }                                                                                                \
    PROBE segment##_far_pointer(void)                                                                \
    {                                                                                                \
        static const struct __attribute__((packed)) {                                                \
            uint32_t offset;                                                                         \
            uint16_t selector;                                                                       \
        } pointer = { 0x12345678, LOADED_##segment };                                                \
        uint32_t saw, offset;                                                                        \
        asm volatile("l" #segment " %2, %1; movl %%" #segment ", %0;" BACK(segment)                  \
                     : "=&r"(saw), "=&r"(offset) : "m"(pointer), WITH_KERNEL);                       \
        return offset == pointer.offset ? saw & 0xFFFF : offset;                                     \
    }                                                                                                \
    static void segment##_check_all(void)                                                            \
    {                                                                                                \
        check_value("mov-" #segment "-reg32", segment##_mov_mov32, LOADED_##segment);                \
        check_value("mov-" #segment "-reg16", segment##_mov_mov16, UPPER | LOADED_##segment);        \
        check_value("mov-" #segment "-mem", segment##_mov_memory, UPPER | LOADED_##segment);         \
        check_value("push-pop-" #segment, segment##_push_pop, LOADED_##segment);                     \
        check_value("push-pop-" #segment "-16", segment##_push_pop16, UPPER | LOADED_##segment);     \
        check_value("l" #segment, segment##_far_pointer, LOADED_##segment);                          \
    }
DEFINE_LOADS(ds)
DEFINE_LOADS(es)
DEFINE_LOADS(fs)
DEFINE_LOADS(gs)
DEFINE_LOADS(ss)

PROBE mov_cs_register32(void)
{
    uint32_t saw;
    asm volatile("movl %%cs, %0" : "=r"(saw));
    return saw & 0xFFFF;
}

PROBE mov_cs_register16(void)
{
    uint32_t saw = UNTOUCHED;
    asm volatile("movw %%cs, %w0" : "+r"(saw));
    return saw;
}

PROBE mov_cs_memory(void)
{
    uint32_t saw = UNTOUCHED;
    asm volatile("movw %%cs, %0" : "+m"(saw));
    return saw;
}

PROBE push_cs(void)
{
    uint32_t saw;
    asm volatile("pushl %%cs; popl %0" : "=r"(saw) : : "memory");
    return saw & 0xFFFF;
}

PROBE push_cs16(void)
{
    uint32_t saw = UNTOUCHED;
    asm volatile("pushw %%cs; popw %w0" : "+r"(saw) : : "memory");
    return saw;
}

PROBE untouched_ds_ss(void)
{
    uint32_t ds, ss;
    asm volatile("movl %%ds, %0; movl %%ss, %1" : "=r"(ds), "=r"(ss));
    return (ds & 0xFFFF) << 16 | (ss & 0xFFFF);
}

PROBE null_keeps_rpl(void)
{
    uint32_t saw;
    asm volatile("movl %1, %%fs; movl %%fs, %0" : "=&r"(saw) : "r"(3));
    return saw & 0xFFFF;
}

PROBE rpl_reads_back(void)
{
    uint32_t saw;
    asm volatile("movl %1, %%gs; movl %%gs, %0" : "=&r"(saw) : "r"(SELECTOR_USER_DATA));
    return saw & 0xFFFF;
}

static uint32_t bad_selector;

#define DEFINE_BAD_LOAD(segment)                                                                            \
    extern const char bad_load_##segment[];                                                                 \
    PROBE load_bad_##segment(void)                                                                          \
    {                                                                                                       \
        asm volatile("bad_load_" #segment ": movl %0, %%" #segment : : "r"(bad_selector) : "memory");       \
        return 0;                                                                                           \
    }
DEFINE_BAD_LOAD(ds)
DEFINE_BAD_LOAD(fs)
DEFINE_BAD_LOAD(ss)

// Segment loading checks of MOV (SDM vol. 2): the error code is the selector without its RPL.
static void check_bad_loads(void)
{
    bad_selector = SELECTOR_NOT_PRESENT_DATA;
    check_trap("mov-ds-not-present", load_bad_ds, 11, SELECTOR_NOT_PRESENT_DATA, bad_load_ds);
    check_trap("mov-ss-not-present", load_bad_ss, 12, SELECTOR_NOT_PRESENT_DATA, bad_load_ss);
    bad_selector = SELECTOR_LOCAL_NOT_PRESENT;
    check_trap("mov-fs-local-not-present", load_bad_fs, 11, SELECTOR_LOCAL_NOT_PRESENT, bad_load_fs);
    bad_selector = 0;
    check_trap("mov-ss-null", load_bad_ss, 13, 0, bad_load_ss);
    bad_selector = SELECTOR_DATA_ALIAS | 3;
    check_trap("mov-ss-wrong-rpl", load_bad_ss, 13, SELECTOR_DATA_ALIAS, bad_load_ss);
    bad_selector = SELECTOR_USER_DATA;
    check_trap("mov-ss-user-data", load_bad_ss, 13, SELECTOR_USER_DATA & ~3, bad_load_ss);
    bad_selector = SELECTOR_KERNEL_CODE;
    check_trap("mov-ss-code", load_bad_ss, 13, SELECTOR_KERNEL_CODE, bad_load_ss);
    bad_selector = SELECTOR_USER_READ_ONLY;
    check_trap("mov-ss-read-only", load_bad_ss, 13, SELECTOR_USER_READ_ONLY, bad_load_ss);
    bad_selector = SELECTOR_EXECUTE_ONLY;
    check_trap("mov-ds-execute-only", load_bad_ds, 13, SELECTOR_EXECUTE_ONLY, bad_load_ds);
    bad_selector = SELECTOR_TSS;
    check_trap("mov-fs-tss", load_bad_fs, 13, SELECTOR_TSS, bad_load_fs);
    bad_selector = SELECTOR_KERNEL_DATA | 3;
    check_trap("mov-ds-rpl-above-dpl", load_bad_ds, 13, SELECTOR_KERNEL_DATA, bad_load_ds);
    bad_selector = SELECTOR_BEYOND;
    check_trap("mov-ds-beyond-gdt", load_bad_ds, 13, SELECTOR_BEYOND, bad_load_ds);
    bad_selector = SELECTOR_LOCAL_BEYOND;
    check_trap("mov-fs-beyond-ldt", load_bad_fs, 13, SELECTOR_LOCAL_BEYOND, bad_load_fs);
}

void check_segment_loads(void)
{
    ds_check_all();
    es_check_all();
    fs_check_all();
    gs_check_all();
    ss_check_all();
    check_value("mov-cs-reg32", mov_cs_register32, SELECTOR_KERNEL_CODE);
    check_value("mov-cs-reg16", mov_cs_register16, UPPER | SELECTOR_KERNEL_CODE);
    check_value("mov-cs-mem", mov_cs_memory, UPPER | SELECTOR_KERNEL_CODE);
    check_value("push-cs", push_cs, SELECTOR_KERNEL_CODE);
    check_value("push-cs-16", push_cs16, UPPER | SELECTOR_KERNEL_CODE);
    check_value("mov-ds-ss-untouched", untouched_ds_ss, SELECTOR_KERNEL_DATA << 16 | SELECTOR_KERNEL_DATA);
    check_value("mov-fs-null-keeps-rpl", null_keeps_rpl, 3);
    check_value("mov-gs-user-selector", rpl_reads_back, SELECTOR_USER_DATA);
    check_bad_loads();
}
