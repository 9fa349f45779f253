/* Checks the range, then just copies: a fault inside the one copying instruction resumes at its fixup address. */
#include "memory/user_copy.h"
#include "abi/errors.h"
#include "cpu/trap.h"
#include "memory/layout.h"

uint32_t user_copy_bytes(void *to, const void *from, uint32_t count); /* bytes not copied */
extern const char user_copy_instruction[], user_copy_resume[];

__asm__(".text\n"
        ".globl user_copy_bytes, user_copy_instruction, user_copy_resume\n"
        "user_copy_bytes:\n\t"
        "pushl %esi\n\tpushl %edi\n\t"
        "movl 12(%esp), %edi\n\tmovl 16(%esp), %esi\n\tmovl 20(%esp), %ecx\n"
        "user_copy_instruction:\n\trep movsb\n"
        "user_copy_resume:\n\t"
        "movl %ecx, %eax\n\tpopl %edi\n\tpopl %esi\n\tret\n");

bool user_copy_fixup(struct trap_frame *frame)
{
    if (frame->eip != (uint32_t)user_copy_instruction)
        return false;
    frame->eip = (uint32_t)user_copy_resume;
    return true;
}

static bool in_user_range(uint32_t address, uint32_t count) { return address <= USER_END && count <= USER_END - address; }

bool copy_from_user(void *to, uint32_t from, uint32_t count)
{
    return in_user_range(from, count) && user_copy_bytes(to, (const void *)from, count) == 0;
}

bool copy_to_user(uint32_t to, const void *from, uint32_t count)
{
    return in_user_range(to, count) && user_copy_bytes((void *)to, from, count) == 0;
}

int copy_string_from_user(char *to, uint32_t from, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if (!copy_from_user(to + i, from + i, 1))
            return -EFAULT;
        if (!to[i])
            return i;
    }
    return -ENAMETOOLONG;
}
