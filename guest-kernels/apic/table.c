#include <stdbool.h>
#include <stdint.h>

#include "apic.h"
#include "table.h"

#define BIOS_ROM 0xF0000u
#define BIOS_ROM_END 0x100000u

enum { HEADER_LENGTH = 44, PROCESSOR = 0, BUS = 1, IO_APIC_ENTRY = 2, INTERRUPT = 3 };
enum { IS_USABLE = 1, IS_BOOT_PROCESSOR = 2, TIMER_INPUT = 2, SERIAL_LINE = 4 };

static bool sums_to_zero(const uint8_t *bytes, uint32_t length)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < length; i++)
        sum += bytes[i];
    return sum == 0;
}

static bool begins(const uint8_t *bytes, const char *text)
{
    while (*text)
        if (*bytes++ != (uint8_t)*text++)
            return false;
    return true;
}

static uint32_t word(const uint8_t *at)
{
    return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static const uint8_t *find_pointer(void)
{
    for (uint32_t at = BIOS_ROM; at < BIOS_ROM_END; at += 16)
        if (begins((const uint8_t *)at, "_MP_") && sums_to_zero((const uint8_t *)at, 16))
            return (const uint8_t *)at;
    return 0;
}

void check_table(void (*check)(const char *name, bool right))
{
    const uint8_t *pointer = find_pointer();
    const uint8_t *table = pointer ? (const uint8_t *)word(pointer + 4) : 0;
    check("table-found", table && begins(table, "PCMP"));
    if (!table)
        return;
    uint32_t length = table[4] | table[5] << 8, entries = table[34] | table[35] << 8;
    check("table-checksum", sums_to_zero(table, length));
    check("table-local-apic", word(table + 36) == LOCAL_APIC);
    uint32_t processors = 0, controllers = 0, isa = ~0u;
    bool timer = false, serial = false;
    const uint8_t *at = table + HEADER_LENGTH;
    for (uint32_t i = 0; i < entries; i++) {
        processors += at[0] == PROCESSOR && (at[3] & IS_USABLE) && (at[3] & IS_BOOT_PROCESSOR);
        controllers += at[0] == IO_APIC_ENTRY && (at[3] & IS_USABLE) && word(at + 4) == IO_APIC;
        if (at[0] == BUS && begins(at + 2, "ISA"))
            isa = at[1];
        if (at[0] == INTERRUPT && at[1] == 0 && at[4] == isa) {
            timer = timer || (at[5] == 0 && at[7] == TIMER_INPUT);
            serial = serial || (at[5] == SERIAL_LINE && at[7] == SERIAL_LINE);
        }
        at += at[0] == PROCESSOR ? 20 : 8;
    }
    check("table-length", at == table + length);
    check("table-boot-processor", processors == 1);
    check("table-io-apic", controllers == 1);
    check("table-timer-input", timer);
    check("table-serial-input", serial);
}
