/* Untouched memory reads as zero, costs no frame of its own until written, and is private then. */
#include "test.h"

#define PAGES 300

static uint8_t memory[PAGES][4096];

int main(void)
{
    volatile uint8_t *first = memory[0];
    check(*first == 0, "fresh memory is not zero");
    int before = free_memory();
    for (int i = 1; i < PAGES; i++)
        for (int j = 0; j < 4096; j += 512)
            check(memory[i][j] == 0, "fresh memory is not zero");
    check(before - free_memory() < 8, "reading fresh memory should share one frame");
    for (int i = 0; i < PAGES; i++)
        memory[i][i % 4096] = i | 1;
    check(before - free_memory() >= PAGES - 1, "writing should take frames");
    for (int i = 0; i < PAGES; i++)
        check(memory[i][i % 4096] == (uint8_t)(i | 1) && memory[i][(i + 1) % 4096] == 0, "a page lost its data");
    return 0;
}
