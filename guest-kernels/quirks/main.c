// quirks: does this machine execute the sensitive IA-32 instructions as the manual says? Read this file first, then
// check.h; every other file here is one group of checks or the tables they need.
#include "../lib/debug_exit.h"
#include "../lib/multiboot.h"
#include "../lib/paging.h"
#include "../lib/pic.h"
#include "../lib/print.h"
#include "../lib/uart.h"
#include "check.h"
#include "groups.h"
#include "tables.h"

extern const uint8_t text_start[], text_end[]; // kernel.ld

static uint32_t text_sum(void)
{
    uint32_t sum = 0;
    for (const uint8_t *at = text_start; at < text_end; at++)
        sum = (sum << 5 | sum >> 27) + *at;
    return sum;
}

void kernel_main(uint32_t magic, const struct multiboot_info *info)
{
    uart_init();
    if (magic != MULTIBOOT_LOADER_MAGIC) {
        print("quirks: not started by a multiboot loader\n");
        debug_exit(DEBUG_EXIT_FAILURE);
    }
    // Read before paging: the loader may have put the text in page 0, which will not be mapped.
    bool deep = command_line_has(info, "deep"), limits = command_line_has(info, "limits");
    uint32_t sum_before = text_sum();
    tables_init();
    paging_init();
    pic_init();

    check_table_registers();
    check_flags();
    check_descriptor_queries();
    check_segment_loads();
    check_segment_bases();
    check_far_transfers();
    check_software_interrupts();
    check_exceptions();
    check_control_registers();
    check_table_reload();
    check_paging();
    check_processor();
    check_ports();
    check_hardware_interrupts();
    check_user_mode();
    check_user_faults();
    check_code_bytes();
    if (deep)
        check_deep();
    if (limits)
        check_limits();
    check_equal("text-checksum-unchanged", text_sum(), sum_before);

    print("quirks: %u checks, %u wrong\n", checks_made(), checks_wrong());
    debug_exit(checks_wrong() ? DEBUG_EXIT_FAILURE : DEBUG_EXIT_SUCCESS);
}
