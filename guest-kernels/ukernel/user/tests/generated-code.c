/* Machine code written at run time, changed in place and run again a thousand times; a forked child changes only its own. */
#include "test.h"

typedef uint32_t function(void);

/* movl $value, %eax; ret */
static void generate(uint8_t *code, uint32_t value)
{
    code[0] = 0xB8;
    memcpy(code + 1, &value, sizeof value);
    code[5] = 0xC3;
}

/* The jump makes the processor fetch the new bytes (SDM vol. 3 8.1.3). */
static uint32_t call(const uint8_t *code) { return ((function *)code)(); }

int main(void)
{
    uint8_t *code = sbrk(8192);
    check(!sbrk_failed(code), "sbrk failed");
    code += 4093; /* across two pages */
    for (uint32_t i = 0; i < 1000; i++) {
        generate(code, i * 77);
        check(call(code) == i * 77, "old code ran");
    }
    int pid = fork_checked();
    if (pid == 0) {
        check(call(code) == 999 * 77, "the child's code is wrong");
        generate(code, 5);
        exit(call(code) == 5 ? 0 : 2);
    }
    check(wait_for(pid) == 0 && call(code) == 999 * 77, "the child changed the parent's code");
    return 0;
}
