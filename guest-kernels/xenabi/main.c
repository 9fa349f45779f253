// xenabi: is this the interface that Xen documents? Read this file first, then xen.h; every other file here is one group of checks or
// what they need.
#include "../lib/cpu.h"
#include "../lib/debug_exit.h"
#include "../lib/multiboot.h"
#include "../lib/pic.h"
#include "../lib/print.h"
#include "../lib/uart.h"
#include "check.h"
#include "floods.h"
#include "groups.h"
#include "upcall.h"
#include "xen.h"

void kernel_main(uint32_t magic, const struct multiboot_info *info)
{
    static const struct {
        const char *word;
        void (*flood)(void);
    } floods[] = {
        { "flood-events", flood_events }, { "flood-store", flood_store }, { "flood-console", flood_console }, { "flood-disk", flood_disk },
    };
    uart_init();
    if (magic != MULTIBOOT_LOADER_MAGIC) {
        print("xenabi: not started by a multiboot loader\n");
        debug_exit(DEBUG_EXIT_FAILURE);
    }
    struct cpuid_result signature = cpuid(0x40000000);
    if (signature.ebx != 0x566E6558 || signature.ecx != 0x65584D4D || signature.edx != 0x4D4D566E) {
        print("xenabi: there is no Xen here\n");
        debug_exit(DEBUG_EXIT_FAILURE);
    }
    check_true("cpuid-last-leaf", signature.eax >= 0x40000002);
    check_true("cpuid-hypervisor-present", cpuid(1).ecx >> 31);
    check("cpuid-hypercall-pages", cpuid(0x40000002).eax, 1);
    check("cpuid-hypercall-msr", cpuid(0x40000002).ebx, 0x40000000);
    pic_init(); // no interrupts but upcalls
    hypercalls_init();
    upcalls_init();

    check_version();
    check_parameters();
    check_memory();
    check_events();
    check_upcalls();
    check_timers();
    check_grants();
    check_batches();
    check_page_tables();
    check_store();
    check_console();
    check_disk();
    check_network();

    print("xenabi: %u checks, %u wrong\n", checks_made(), checks_wrong());
    if (command_line_has(info, "network-figures"))
        measure_network();
    for (uint32_t i = 0; i < sizeof floods / sizeof *floods; i++)
        if (command_line_has(info, floods[i].word))
            floods[i].flood();
    debug_exit(checks_wrong() ? DEBUG_EXIT_FAILURE : DEBUG_EXIT_SUCCESS);
}
