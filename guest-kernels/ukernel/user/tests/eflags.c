/* POPF in ring 3 silently keeps IF and IOPL, and changes what it may: DF, AC, ID. */
#include "test.h"

static uint32_t set_flags(uint32_t flags)
{
    __asm__ volatile("pushl %0; popfl; pushfl; popl %0; cld; pushl $0x202; popfl" : "+r"(flags) : : "memory", "cc");
    return flags;
}

int main(void)
{
    check((set_flags(0x002) & 0x3200) == 0x200, "POPF cleared IF");
    check((set_flags(0x3202) & 0x3000) == 0, "POPF raised IOPL");
    check((set_flags(0x602) & 0x400) == 0x400, "POPF did not set DF");
    check((set_flags(0x200202) & 0x200000) != (set_flags(0x202) & 0x200000), "the ID flag cannot be changed");
    uint32_t flags = 0xAD5;
    __asm__ volatile("pushl %0; popfl; movl $20, %%eax; int $0x80; pushfl; popl %0" : "+r"(flags) : : "eax", "memory", "cc");
    check((flags & 0xED5) == 0xAD5, "a system call changed arithmetic flags");
    return 0;
}
