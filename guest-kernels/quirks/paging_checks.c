// What a shadow page table must not blur: aliases, invlpg, CR3, CR0.WP, large pages, accessed and dirty bits
// (SDM vol. 3, 4.3, 4.6, 4.8, 4.10).
#include "../lib/cpu.h"
#include "../lib/paging.h"
#include "check.h"
#include "groups.h"

enum { PAGE = 9, LARGE_SLOT = 0x80000000u >> 22 };

static volatile uint32_t first_frame[PAGE_SIZE / 4] __attribute__((aligned(PAGE_SIZE)));
static volatile uint32_t second_frame[PAGE_SIZE / 4] __attribute__((aligned(PAGE_SIZE)));
static uint32_t other_directory[PAGES_PER_TABLE] __attribute__((aligned(PAGE_SIZE)));
static uint32_t other_table[PAGES_PER_TABLE] __attribute__((aligned(PAGE_SIZE)));

static volatile uint32_t *const window = (volatile uint32_t *)(PAGING_WINDOW + PAGE * PAGE_SIZE);
static volatile uint32_t *const entry = &window_table[PAGE];

static void map(const volatile uint32_t *frame, uint32_t rights)
{
    *entry = (uint32_t)frame | rights;
    invalidate_page((const void *)window);
}

PROBE higher_half_alias(void)
{
    volatile uint32_t *alias = (volatile uint32_t *)((uint32_t)first_frame + PAGING_ALIAS);
    first_frame[0] = 0x111;
    uint32_t saw = *alias;
    *alias = 0x222;
    return saw << 16 | first_frame[0];
}

PROBE invlpg_remaps(void)
{
    first_frame[0] = 0x1111;
    second_frame[0] = 0x2222;
    map(first_frame, PAGE_PRESENT | PAGE_WRITABLE);
    uint32_t before = window[0];
    map(second_frame, PAGE_PRESENT | PAGE_WRITABLE);
    return before << 16 | window[0];
}

PROBE cr3_write_flushes(void)
{
    first_frame[0] = 0x1111;
    second_frame[0] = 0x2222;
    map(first_frame, PAGE_PRESENT | PAGE_WRITABLE);
    uint32_t before = window[0];
    *entry = (uint32_t)second_frame | PAGE_PRESENT | PAGE_WRITABLE;
    write_cr3(read_cr3());
    return before << 16 | window[0];
}

PROBE other_address_space(void)
{
    for (uint32_t i = 0; i < PAGES_PER_TABLE; i++)
        other_directory[i] = page_directory[i];
    other_directory[PAGING_WINDOW >> 22] = (uint32_t)other_table | PAGE_PRESENT | PAGE_WRITABLE;
    other_table[PAGE] = (uint32_t)second_frame | PAGE_PRESENT | PAGE_WRITABLE;
    first_frame[0] = 0x1111;
    second_frame[0] = 0x2222;
    map(first_frame, PAGE_PRESENT | PAGE_WRITABLE);
    uint32_t before = window[0];
    write_cr3((uint32_t)other_directory);
    uint32_t there = window[0];
    window[0] = 0x3333;
    write_cr3((uint32_t)page_directory);
    return before == window[0] && there == 0x2222 ? second_frame[0] : there;
}

extern const char fault_unmapped_again[];
PROBE unmap(void)
{
    uint32_t saw;
    map(first_frame, PAGE_PRESENT | PAGE_WRITABLE);
    window[0] = 1;
    map(first_frame, 0);
    asm volatile("fault_unmapped_again: movl %1, %0" : "=r"(saw) : "m"(*window));
    return saw;
}

PROBE write_protect_off(void)
{
    first_frame[0] = 0;
    map(first_frame, PAGE_PRESENT);
    write_cr0(read_cr0() & ~CR0_WRITE_PROTECT);
    window[0] = 0x77;
    write_cr0(read_cr0() | CR0_WRITE_PROTECT);
    return first_frame[0];
}

extern const char fault_write_protect[];
PROBE write_protect_on(void)
{
    map(first_frame, PAGE_PRESENT);
    asm volatile("fault_write_protect: movl $0x99, %0" : "=m"(*window));
    return 0;
}

enum { USAGE = PAGE_ACCESSED | PAGE_DIRTY };

PROBE usage_untouched(void)
{
    map(first_frame, PAGE_PRESENT | PAGE_WRITABLE);
    return *entry & USAGE;
}

PROBE usage_after_read(void)
{
    map(first_frame, PAGE_PRESENT | PAGE_WRITABLE);
    (void)window[0];
    return *entry & USAGE;
}

PROBE usage_after_write(void)
{
    map(first_frame, PAGE_PRESENT | PAGE_WRITABLE);
    (void)window[0];
    window[0] = 1;
    return *entry & USAGE;
}

PROBE usage_cleared(void)
{
    map(first_frame, PAGE_PRESENT | PAGE_WRITABLE);
    window[0] = 1;
    map(first_frame, PAGE_PRESENT | PAGE_WRITABLE);
    uint32_t clear = *entry & USAGE;
    (void)window[0];
    uint32_t read = *entry & USAGE;
    window[0] = 2;
    return clear << 16 | read << 8 | (*entry & USAGE);
}

PROBE directory_accessed(void)
{
    volatile uint32_t *directory = &page_directory[PAGING_WINDOW >> 22];
    *directory &= ~(uint32_t)PAGE_ACCESSED;
    map(first_frame, PAGE_PRESENT | PAGE_WRITABLE);
    write_cr3(read_cr3());
    (void)window[0];
    return *directory & PAGE_ACCESSED;
}

PROBE large_page(void)
{
    if (!(cpuid(1).edx & CPUID_EDX_PSE))
        return 0x1234; // nothing to check
    first_frame[0] = 0x1234;
    write_cr4(read_cr4() | CR4_PAGE_SIZE_EXTENSIONS);
    uint32_t base = (uint32_t)first_frame & 0xFFC00000;
    volatile uint32_t *large = &page_directory[LARGE_SLOT];
    *large = base | PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE;
    uint32_t saw = *(volatile uint32_t *)(0x80000000u + ((uint32_t)first_frame - base));
    uint32_t usage = *large & USAGE;
    *large = 0;
    write_cr3(read_cr3());
    write_cr4(read_cr4() & ~CR4_PAGE_SIZE_EXTENSIONS);
    return usage == PAGE_ACCESSED ? saw : usage;
}

PROBE page_zero_is_unmapped(void)
{
    uint32_t saw;
    asm volatile("movl 0x10, %0" : "=r"(saw));
    return saw;
}

void check_paging(void)
{
    check_value("higher-half-alias", higher_half_alias, 0x01110222);
    check_value("invlpg", invlpg_remaps, 0x11112222);
    check_value("cr3-write-flushes", cr3_write_flushes, 0x11112222);
    check_value("cr3-other-address-space", other_address_space, 0x3333);
    check_trap("invlpg-unmap", unmap, 14, 0, fault_unmapped_again);
    check_value("cr0-wp-off", write_protect_off, 0x77);
    check_trap("cr0-wp-on", write_protect_on, 14, 3, fault_write_protect);
    check_value("page-usage-untouched", usage_untouched, 0);
    check_value("page-usage-read", usage_after_read, PAGE_ACCESSED);
    check_value("page-usage-write", usage_after_write, USAGE);
    check_value("page-usage-cleared", usage_cleared, PAGE_ACCESSED << 8 | USAGE);
    check_value("page-directory-accessed", directory_accessed, PAGE_ACCESSED);
    check_value("large-page", large_page, 0x1234);
    uint32_t unused;
    check_equal("page-zero-fault", run_guarded(page_zero_is_unmapped, &unused) ? 0 : last_trap.vector, 14);
    check_equal("page-zero-cr2", last_trap.fault_address, 0x10);
    map(first_frame, 0);
}
