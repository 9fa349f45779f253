// The base of a loaded segment is really added, whichever register holds it and whichever table it came from, and it
// survives an interrupt.
#include "check.h"
#include "groups.h"
#include "tables.h"

static uint32_t selector; // under test

#define DEFINE_BASE_READ(segment)                                                          \
    PROBE read_through_##segment(void)                                                     \
    {                                                                                      \
        uint32_t saw;                                                                      \
        asm volatile("movl %1, %%" #segment "; movl %%" #segment ":8, %0; movl %2, %%" #segment \
                     : "=&r"(saw)                                                          \
                     : "r"(selector), "r"(SELECTOR_KERNEL_DATA)                            \
                     : "memory");                                                          \
        return saw;                                                                        \
    }
DEFINE_BASE_READ(ds)
DEFINE_BASE_READ(es)
DEFINE_BASE_READ(fs)
DEFINE_BASE_READ(gs)

PROBE write_through_gs(void)
{
    areas_reset();
    asm volatile("movl %0, %%gs; movl $0x1234567, %%gs:12" : : "r"(selector) : "memory");
    uint32_t saw = based_area[3];
    areas_reset();
    return saw;
}

PROBE indexed_through_fs(void)
{
    uint32_t saw;
    asm volatile("movl %1, %%fs; movl %%fs:-4(%2,%2,2), %0" : "=r"(saw) : "r"(selector), "r"(8) : "memory");
    return saw;
}

PROBE string_store_through_es(void)
{
    areas_reset();
    uint32_t offset = 4, count = 3;
    asm volatile("movl %2, %%es; rep stosl; movl %4, %%es"
                 : "+D"(offset), "+c"(count)
                 : "r"(selector), "a"(0x77), "r"(SELECTOR_KERNEL_DATA)
                 : "memory");
    uint32_t saw = based_area[0] + based_area[1] + based_area[2] + based_area[3] + based_area[4];
    areas_reset();
    return offset == 16 ? saw : offset;
}

PROBE string_load_through_fs(void)
{
    uint32_t saw, offset = 20;
    asm volatile("movl %2, %%fs; lodsl %%fs:(%%esi), %%eax" : "=a"(saw), "+S"(offset) : "r"(selector) : "memory");
    return offset == 24 ? saw : offset;
}

PROBE base_survives_interrupt(void)
{
    uint32_t saw;
    asm volatile("movl %1, %%fs; int %2; movl %%fs:4, %0"
                 : "=r"(saw)
                 : "r"(selector), "i"(VECTOR_INTERRUPT_GATE)
                 : "memory");
    return saw;
}

PROBE two_bases_at_once(void)
{
    uint32_t saw;
    asm volatile("movl %1, %%fs; movl %2, %%gs; movl %%fs:0, %0; addl %%gs:0, %0"
                 : "=&r"(saw)
                 : "r"(SELECTOR_BASED), "r"(SELECTOR_LOCAL_DATA)
                 : "memory");
    return saw;
}

PROBE push_pop_keeps_base(void)
{
    uint32_t saw;
    asm volatile("movl %1, %%gs; pushl %%gs; movl %2, %%gs; popl %%gs; movl %%gs:4, %0"
                 : "=&r"(saw)
                 : "r"(selector), "r"(SELECTOR_LOCAL_DATA)
                 : "memory");
    return saw;
}

PROBE far_pointer_through_fs(void)
{
    static const struct __attribute__((packed)) {
        uint32_t offset;
        uint16_t selector;
    } pointer = { 16, SELECTOR_BASED };
    uint32_t saw;
    asm volatile("lfs %1, %0; movl %%fs:(%0), %0" : "=&r"(saw) : "m"(pointer) : "memory");
    return saw;
}

void check_segment_bases(void)
{
    selector = SELECTOR_BASED;
    check_value("base-ds", read_through_ds, BASED_MARK + 2);
    check_value("base-es", read_through_es, BASED_MARK + 2);
    check_value("base-fs", read_through_fs, BASED_MARK + 2);
    check_value("base-gs", read_through_gs, BASED_MARK + 2);
    check_value("base-gs-write", write_through_gs, 0x1234567);
    check_value("base-fs-indexed", indexed_through_fs, BASED_MARK + 5);
    check_value("base-es-stos", string_store_through_es, 2u * BASED_MARK + 4 + 3 * 0x77);
    check_value("base-fs-lods", string_load_through_fs, BASED_MARK + 5);
    check_value("base-fs-after-int", base_survives_interrupt, BASED_MARK + 1);
    check_value("base-gs-push-pop", push_pop_keeps_base, BASED_MARK + 1);
    check_value("base-lfs", far_pointer_through_fs, BASED_MARK + 4);
    check_value("base-fs-and-gs", two_bases_at_once, BASED_MARK + LOCAL_MARK);

    // A selector that a 64-bit Linux host would take for its own flat segment.
    selector = SELECTOR_BASED_SECOND;
    check_value("base-fs-host-number", read_through_fs, SECOND_MARK + 2);
    check_value("base-ds-host-number", read_through_ds, SECOND_MARK + 2);
    selector = SELECTOR_USER_READ_ONLY | 3;
    check_value("base-gs-host-number-rpl-3", read_through_gs, SECOND_MARK + 2);

    selector = SELECTOR_LOCAL_DATA;
    check_value("base-ds-local", read_through_ds, LOCAL_MARK + 2);
    check_value("base-fs-local", read_through_fs, LOCAL_MARK + 2);
    check_value("base-gs-local", read_through_gs, LOCAL_MARK + 2);
    selector = SELECTOR_LOCAL_READ_ONLY;
    check_value("base-es-local-read-only", read_through_es, LOCAL_MARK + 2);
    selector = SELECTOR_LOCAL_USER;
    check_value("base-fs-local-user", read_through_fs, LOCAL_MARK + 2);
}
