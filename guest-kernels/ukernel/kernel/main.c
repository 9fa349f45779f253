/* The order in which the kernel comes up; then the boot stack becomes the idle context. */
#include "console.h"
#include "cpu/features.h"
#include "cpu/fpu.h"
#include "cpu/instructions.h"
#include "cpu/segments.h"
#include "cpu/trap.h"
#include "drivers/pic.h"
#include "drivers/pit.h"
#include "drivers/uart.h"
#include "memory/paging.h"
#include "multiboot.h"
#include "process/process.h"

void init_thread_entry(void);

void kernel_main(uint32_t magic, uint32_t information)
{
    uart_initialize();
    segments_initialize();
    trap_initialize();
    cpu_features_detect();
    uint32_t memory_end = multiboot_read(magic, information);
    paging_initialize(memory_end);
    fpu_initialize();
    pic_initialize();
    pit_initialize();
    uart_enable_receive();
    print("ukernel\n");
    process_start(process_allocate(), init_thread_entry);
    scheduler_idle();
}
