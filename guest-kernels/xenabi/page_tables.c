// mmu_update and mmuext_op: page tables are validated; a frame is a page table or writable, never both.
#include "check.h"
#include "groups.h"
#include "memory.h"
#include "xen.h"

enum { PIN_L1 = 0, PIN_L2 = 1, PIN_L3 = 2, UNPIN = 4, NEW_BASE = 5, FLUSH = 6 };
enum { PRESENT = 1, WRITABLE = 2, ACCESSED = 0x20, LARGE = 0x80 };

static uint32_t table[1024] __attribute__((aligned(4096))), directory[1024] __attribute__((aligned(4096))), data[1024] __attribute__((aligned(4096)));

static int32_t extended(uint32_t operation, const volatile void *page)
{
    struct { uint32_t operation, first, second; } list[1] = { { operation, frame_of(page), 0 } };
    uint32_t done = 99;
    return hypercall(CALL_MMU_EXTENDED, at(list), 1, at(&done), DOMAIN_SELF);
}

static int32_t update(volatile uint32_t *entry, uint32_t value)
{
    struct { uint64_t pointer, value; } list[1] = { { at(entry), value } };
    return hypercall(CALL_MMU_UPDATE, at(list), 1, 0, DOMAIN_SELF);
}

void check_page_tables(void)
{
    uint32_t page = at(data), table_page = at(table);
    check("table-update-unpinned", update(&table[3], page | PRESENT), INVALID);
    table[0] = page | PRESENT | WRITABLE;
    check("table-pin", extended(PIN_L1, table), 0);
    check("table-pin-twice", extended(PIN_L1, table), INVALID);
    check("table-pin-what-is-writable", extended(PIN_L1, data), BUSY);
    check("table-update", update(&table[3], page | PRESENT | WRITABLE), 0);
    check("table-updated", table[3], page | PRESENT | WRITABLE);
    check("table-map-nothing-of-ours", update(&table[4], NOWHERE | PRESENT), INVALID);
    check("table-stays", table[4], 0);
    check("table-map-a-table-writable", update(&table[5], table_page | PRESENT | WRITABLE), BUSY);
    check("table-map-a-table", update(&table[5], table_page | PRESENT), 0);
    check("table-not-present", update(&table[6], NOWHERE), 0);
    struct { uint64_t pointer, value; } list[3] = { { at(&table[7]), page | PRESENT }, { at(&table[8]), NOWHERE | PRESENT }, { at(&table[9]), page | PRESENT } };
    uint32_t done = 99;
    check("table-batch-stops", hypercall(CALL_MMU_UPDATE, at(list), 3, at(&done), DOMAIN_SELF), INVALID);
    check("table-batch-done", done, 1);
    check_true("table-batch-in-force", table[7] == (page | PRESENT) && table[9] == 0);
    check("table-of-another", hypercall(CALL_MMU_UPDATE, at(list), 1, 0, DOMAIN_OTHER), NOT_PERMITTED);
    list[0].pointer |= 1;
    check("table-no-machine-frames", hypercall(CALL_MMU_UPDATE, at(list), 1, 0, DOMAIN_SELF), NO_SYSTEM_CALL);
    table[7] |= ACCESSED;
    list[0].pointer = at(&table[7]) | 2;
    check("table-preserve", hypercall(CALL_MMU_UPDATE, at(list), 1, 0, DOMAIN_SELF), 0);
    check("table-preserved", table[7], page | PRESENT | ACCESSED);
    check("table-stays-ours", balloon_out(frame_of(table)), 0);

    directory[0] = table_page | PRESENT | WRITABLE;
    directory[1] = page | PRESENT | WRITABLE;
    check("directory-of-no-tables", extended(PIN_L2, directory), BUSY);
    directory[1] = page | PRESENT | LARGE;
    check("directory-of-large-pages", extended(PIN_L2, directory), INVALID);
    directory[1] = 0;
    check("directory-not-a-base-yet", extended(NEW_BASE, directory), INVALID);
    check("directory-pin", extended(PIN_L2, directory), 0);
    check("directory-no-third-level", extended(PIN_L3, data), INVALID);
    check("directory-flush", extended(FLUSH, 0), 0);
    check("table-unpin", extended(UNPIN, table), 0);
    check("table-still-in-use", update(&table[4], NOWHERE | PRESENT), INVALID);
    check("directory-unpin", extended(UNPIN, directory), 0);
    check("table-free", update(&table[4], page | PRESENT), INVALID);
    check("table-unpin-twice", extended(UNPIN, table), INVALID);
    check("table-extended-unknown", extended(90, data), NO_SYSTEM_CALL);
    check("table-list-nowhere", hypercall(CALL_MMU_UPDATE, NOWHERE, 1, 0, DOMAIN_SELF), FAULT);
}
