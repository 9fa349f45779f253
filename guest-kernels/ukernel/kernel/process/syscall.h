/* System calls on files (files/syscalls.c), for the table in syscall.c. */
#ifndef PROCESS_SYSCALL_H
#define PROCESS_SYSCALL_H
#include <stdint.h>

struct trap_frame;

#define FILE_CALL(name) int sys_##name(struct trap_frame *frame, uint32_t a, uint32_t b, uint32_t c)
FILE_CALL(read);
FILE_CALL(write);
FILE_CALL(open);
FILE_CALL(close);
FILE_CALL(unlink);
FILE_CALL(lseek);
FILE_CALL(pipe);
FILE_CALL(dup);
FILE_CALL(dup2);
FILE_CALL(mkdir);
FILE_CALL(fstat);
#undef FILE_CALL

#endif
