// Operations on page tables, in the window of 1024 pages that paging.h provides; all entries map the same two frames.
#include "../lib/cpu.h"
#include "../lib/paging.h"
#include "handlers.h"
#include "operations.h"

static uint8_t frames[2][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static volatile uint32_t *const entries = window_table;

static inline volatile uint8_t *page(uint32_t index)
{
    return (volatile uint8_t *)(PAGING_WINDOW + index * PAGE_SIZE);
}

static inline uint32_t entry_for(uint32_t frame)
{
    return (uint32_t)frames[frame] | PAGE_PRESENT | PAGE_WRITABLE;
}

// Every page of the window mapped and used once, so that a shadow page table knows it.
void memory_operations_prepare(void)
{
    fault_entry = entry_for(0);
    for (uint32_t i = 0; i < PAGES_PER_TABLE; i++) {
        entries[i] = entry_for(0);
        *page(i) = 1;
    }
}

void run_cr3_write(uint32_t iterations)
{
    uint32_t directory = read_cr3();
    while (iterations--)
        write_cr3(directory);
}

// The handler maps the page and returns. Once in 1024 faults the window is emptied again, which is part of the figure.
void run_page_fault(uint32_t iterations)
{
    for (uint32_t i = 0; i < iterations; i++) {
        uint32_t index = i % PAGES_PER_TABLE;
        if (index == 0) {
            for (uint32_t k = 0; k < PAGES_PER_TABLE; k++)
                entries[k] = 0;
            write_cr3(read_cr3());
        }
        *page(index) = 1;
    }
}

// A bit that means nothing to the processor changes, and nobody is told.
void run_pte_mod(uint32_t iterations)
{
    for (uint32_t i = 0; i < iterations; i++)
        entries[i % PAGES_PER_TABLE] ^= PAGE_AVAILABLE;
}

void run_pte_mod_invlpg(uint32_t iterations)
{
    for (uint32_t i = 0; i < iterations; i++) {
        entries[i % PAGES_PER_TABLE] ^= PAGE_AVAILABLE;
        invalidate_page(page(i % PAGES_PER_TABLE));
    }
}

// The page moves to the other frame and is used there.
void run_pte_mod_touch(uint32_t iterations)
{
    for (uint32_t i = 0; i < iterations; i++) {
        uint32_t index = i % PAGES_PER_TABLE;
        entries[index] = entry_for((i / PAGES_PER_TABLE + 1) % 2);
        invalidate_page(page(index));
        *page(index) = 1;
    }
}
