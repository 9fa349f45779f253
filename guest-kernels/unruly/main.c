// unruly: a guest that is hard on its neighbours. Each mode is one way to be so, and goes on for ever; with the word "briefly" it ends after a
// certain number of rounds, so that what these cost can be measured.
#include "../lib/cpu.h"
#include "../lib/debug_exit.h"
#include "../lib/multiboot.h"
#include "../lib/paging.h"
#include "../lib/pic.h"
#include "../lib/pit.h"
#include "../lib/port.h"
#include "../lib/print.h"
#include "../lib/trap.h"
#include "../lib/uart.h"
#include "tables.h"

enum { POST_PORT = 0x80, STORM_TICKS = 24, LAPS_PER_LINE = 1 << 30, SPACES = 96, WINDOW_PAGES = 1024, FRAMES = 512 };

static uint32_t interrupts;
static uint32_t rounds_left; // 0: no end

static void end_round(void)
{
    if (rounds_left && !--rounds_left)
        debug_exit(DEBUG_EXIT_SUCCESS);
}

// Computes, and says so now and then: a guest that is no trouble at all.
static void hog(void)
{
    for (uint32_t laps = 0, value = 1;; laps++) {
        for (uint32_t i = 0; i < LAPS_PER_LINE; i++)
            asm volatile("imull $1664525, %0, %0\n\taddl $1013904223, %0" : "+r"(value));
        print("hog: lap %u\n", laps);
        end_round();
    }
}

// An interrupt each 20 us, asleep in between: as many wake-ups as the timer gives.
static void storm(void)
{
    pic_unmask(PIT_LINE);
    pit_start_once(STORM_TICKS);
    interrupts_on();
    for (;;) {
        asm volatile("hlt" : : : "memory");
        end_round();
    }
}

// Nothing but exits to a device.
static void ports(void)
{
    for (;;) {
        port_write8(POST_PORT, 0);
        end_round();
    }
}

// Nothing but output on the console.
static void console(void)
{
    for (uint32_t line = 0;; line++) {
        print("console: line %u of very many, to see who has to read all this\n", line);
        end_round();
    }
}

// Maps frames anew at every page of the window, touches them, and reloads CR3: nothing of the shadow lasts.
static void thrash(void)
{
    for (uint32_t round = 0;; round++) {
        for (uint32_t i = 0; i < WINDOW_PAGES; i++) {
            uint32_t frame = 0x800000 + ((i * 7 + round) % FRAMES) * PAGE_SIZE;
            window_table[i] = frame | PAGE_PRESENT | PAGE_WRITABLE;
            volatile uint32_t *page = (volatile uint32_t *)(PAGING_WINDOW + i * PAGE_SIZE);
            invalidate_page(page);
            *page = round;
        }
        write_cr3(read_cr3());
        end_round();
    }
}

// Runs in one address space after the other, more than any monitor keeps: what a fork bomb comes down to.
static void spaces(void)
{
    static _Alignas(PAGE_SIZE) uint32_t directories[SPACES][PAGES_PER_TABLE];
    for (uint32_t space = 0; space < SPACES; space++)
        for (uint32_t i = 0; i < PAGES_PER_TABLE; i++)
            directories[space][i] = page_directory[i];
    for (uint32_t space = 0;; space = (space + 1) % SPACES) {
        write_cr3((uint32_t)directories[space]);
        *(volatile uint32_t *)0x900000 = space;
        end_round();
    }
}

void trap_dispatch(struct trap_frame *frame)
{
    if (frame->vector != PIC_VECTOR_BASE + PIT_LINE) {
        print("unruly: unexpected trap %u error %x eip %x\n", frame->vector, frame->error, frame->eip);
        debug_exit(DEBUG_EXIT_FAILURE);
    }
    interrupts++;
    pit_start_once(STORM_TICKS);
    pic_end_of_interrupt(PIT_LINE);
}

void kernel_main(uint32_t magic, const struct multiboot_info *info)
{
    static const struct {
        const char *name;
        void (*run)(void);
        uint32_t brief_rounds;
    } modes[] = {
        { "hog", hog, 1 }, { "storm", storm, 10000 }, { "ports", ports, 50000 },
        { "console", console, 5000 }, { "thrash", thrash, 20 }, { "spaces", spaces, 1000 },
    };
    uart_init();
    if (magic == MULTIBOOT_LOADER_MAGIC) {
        tables_init();
        paging_init();
        pic_init();
        for (uint32_t i = 0; i < sizeof modes / sizeof *modes; i++) {
            if (command_line_has(info, modes[i].name)) {
                print("unruly: %s\n", modes[i].name);
                rounds_left = command_line_has(info, "briefly") ? modes[i].brief_rounds : 0;
                modes[i].run();
            }
        }
    }
    print("unruly: say hog, storm, ports, console, thrash or spaces\n");
    debug_exit(DEBUG_EXIT_FAILURE);
}
