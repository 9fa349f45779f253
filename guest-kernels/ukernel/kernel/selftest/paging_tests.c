/* Paging as ring 0 sees it: a changed entry takes effect after INVLPG or a CR3 load, large pages work, CR0.WP holds,
   and the CPU sets accessed and dirty bits. */
#include "cpu/features.h"
#include "cpu/instructions.h"
#include "memory/frames.h"
#include "memory/layout.h"
#include "memory/paging.h"
#include "memory/user_copy.h"
#include "process/process.h"
#include "selftest/selftest.h"

#define FRAMES 4

uint32_t user_copy_bytes(void *to, const void *from, uint32_t count);

static volatile uint32_t *const window = (volatile uint32_t *)WINDOW;
static uint32_t frames[FRAMES];

static void map_window(uint32_t entry)
{
    paging_window_table[0] = entry;
    invlpg(WINDOW);
}

static const char *with_frames(const char *(*body)(void))
{
    const char *why = 0;
    for (uint32_t i = 0; i < FRAMES; i++)
        if (!(frames[i] = frame_allocate_zeroed()))
            why = "no memory";
    if (!why)
        why = body();
    map_window(0);
    for (uint32_t i = 0; i < FRAMES; i++)
        if (frames[i])
            frame_release(frames[i]);
    return why;
}

static const char *remap(void)
{
    for (uint32_t round = 0; round < 100; round++) {
        uint32_t frame = frames[round % FRAMES];
        map_window(frame | PAGE_PRESENT | PAGE_WRITABLE);
        if (round >= FRAMES && window[5] != round - FRAMES)
            return "the window shows another frame";
        window[5] = round;
        if (((volatile uint32_t *)physical_to_virtual(frame))[5] != round)
            return "a write through the window was lost";
    }
    return 0;
}

static const char *directory_reload(void)
{
    for (uint32_t round = 0; round < 100; round++) {
        uint32_t frame = frames[round % FRAMES];
        paging_window_table[1] = frame | PAGE_PRESENT | PAGE_WRITABLE; /* not global */
        write_cr3(read_cr3());
        window[1024 + 7] = round;
        if (((volatile uint32_t *)physical_to_virtual(frame))[7] != round)
            return "an old translation survived the CR3 load";
    }
    paging_window_table[1] = 0;
    write_cr3(read_cr3());
    return 0;
}

/* Kernel writes must fault on read-only kernel pages; the user copy's fixup makes that observable. */
static bool write_faults(volatile uint32_t *address)
{
    uint32_t value = 1;
    return user_copy_bytes((void *)address, &value, sizeof value) != 0;
}

static const char *write_protect(void)
{
    map_window(frames[0] | PAGE_PRESENT);
    if (!write_faults(window))
        return "CR0.WP does not protect a read-only page";
    map_window(frames[0] | PAGE_PRESENT | PAGE_WRITABLE);
    if (write_faults(window))
        return "a page made writable still faults";
    map_window(0);
    if (!write_faults(window))
        return "an unmapped page can be written";
    if (!write_faults((uint32_t *)user_copy_bytes))
        return "kernel text can be written";
    return 0;
}

static const char *accessed_dirty(void)
{
    volatile page_entry *entry = &paging_window_table[0];
    map_window(frames[0] | PAGE_PRESENT | PAGE_WRITABLE);
    if (*entry & PAGE_DIRTY) /* speculation may set accessed (SDM vol. 3 4.8), never dirty */
        return "dirty before any write";
    (void)window[0];
    if ((*entry & (PAGE_ACCESSED | PAGE_DIRTY)) != PAGE_ACCESSED)
        return "a read must set accessed only";
    window[0] = 1;
    if ((*entry & (PAGE_ACCESSED | PAGE_DIRTY)) != (PAGE_ACCESSED | PAGE_DIRTY))
        return "a write must set dirty";
    map_window(*entry & ~(PAGE_ACCESSED | PAGE_DIRTY));
    window[1] = 1;
    if ((*entry & (PAGE_ACCESSED | PAGE_DIRTY)) != (PAGE_ACCESSED | PAGE_DIRTY))
        return "cleared bits were not set again";
    return 0;
}

/* Maps the physical memory around a frame with one temporary 4 MiB page. */
static const char *large_page(void)
{
    if (!cpu_features.pse)
        return 0;
    volatile page_entry *entry = (page_entry *)physical_to_virtual(current->space.directory) + LARGE_WINDOW / LARGE_PAGE_SIZE;
    const char *why = 0;
    for (uint32_t i = 0; i < FRAMES && !why; i++) {
        uint32_t base = frames[i] & ~(LARGE_PAGE_SIZE - 1);
        volatile uint32_t *mapped = (volatile uint32_t *)(LARGE_WINDOW + (frames[i] - base));
        *entry = base | PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE;
        invlpg((uint32_t)mapped);
        *mapped = 0x600D0000 + i;
        if (*(volatile uint32_t *)physical_to_virtual(frames[i]) != 0x600D0000 + i)
            why = "a write through a large page was lost";
        else if (!(*entry & PAGE_DIRTY))
            why = "a large page's dirty bit is not set";
        *entry = 0;
        invlpg((uint32_t)mapped);
        if (!why && !write_faults(mapped))
            why = "an unmapped large page can be written";
    }
    return why;
}

const char *selftest_remap(void) { return with_frames(remap); }
const char *selftest_directory_reload(void) { return with_frames(directory_reload); }
const char *selftest_write_protect(void) { return with_frames(write_protect); }
const char *selftest_accessed_dirty(void) { return with_frames(accessed_dirty); }
const char *selftest_large_page(void) { return with_frames(large_page); }
