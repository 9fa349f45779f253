/* Copies between kernel and user memory that survive bad user pointers. */
#ifndef MEMORY_USER_COPY_H
#define MEMORY_USER_COPY_H
#include <stdbool.h>
#include <stdint.h>

struct trap_frame;

bool copy_from_user(void *to, uint32_t from, uint32_t count);
bool copy_to_user(uint32_t to, const void *from, uint32_t count);
int copy_string_from_user(char *to, uint32_t from, uint32_t size);  /* length, or -EFAULT, -ENAMETOOLONG */
bool user_copy_fixup(struct trap_frame *frame);                     /* a fault in ring 0: was it ours? */

#endif
