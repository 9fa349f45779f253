// The page tables both kernels run on; see paging.h for the layout.
#include "paging.h"
#include "cpu.h"

enum { IDENTITY_TABLES = 4 };

extern const char user_code_start[], user_code_end[], user_data_start[], user_data_end[]; // kernel.ld

_Alignas(PAGE_SIZE) uint32_t page_directory[PAGES_PER_TABLE];
_Alignas(PAGE_SIZE) uint32_t window_table[PAGES_PER_TABLE];
_Alignas(PAGE_SIZE) static uint32_t identity_tables[IDENTITY_TABLES][PAGES_PER_TABLE];

static bool is_open_to_ring3(uint32_t address)
{
    const char *at = (const char *)address;
    return (at >= user_code_start && at < user_code_end) || (at >= user_data_start && at < user_data_end);
}

void paging_init(void)
{
    const uint32_t upper = PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER; // the table entries below decide
    for (uint32_t t = 0; t < IDENTITY_TABLES; t++) {
        for (uint32_t i = 0; i < PAGES_PER_TABLE; i++) {
            uint32_t address = (t * PAGES_PER_TABLE + i) * PAGE_SIZE;
            uint32_t user = is_open_to_ring3(address) ? PAGE_USER : 0;
            identity_tables[t][i] = address ? address | PAGE_PRESENT | PAGE_WRITABLE | user : 0;
        }
        page_directory[t] = (uint32_t)identity_tables[t] | upper;
        page_directory[(PAGING_ALIAS >> 22) + t] = (uint32_t)identity_tables[t] | upper;
    }
    page_directory[PAGING_WINDOW >> 22] = (uint32_t)window_table | upper;
    write_cr3((uint32_t)page_directory);
    write_cr0(read_cr0() | CR0_PAGING | CR0_WRITE_PROTECT);
    asm volatile("jmp 1f\n1:"); // SDM vol. 3, 9.9.1: a jump right after paging goes on
}
