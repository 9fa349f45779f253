/* Pipes: one page of bytes between processes. */
#ifndef FILES_PIPE_H
#define FILES_PIPE_H
#include <stdbool.h>
#include <stdint.h>

struct pipe;

struct pipe *pipe_create(void); /* 0: no memory */
void pipe_close(struct pipe *pipe, bool write_end);
int pipe_read(struct pipe *pipe, void *buffer, uint32_t count);         /* 0: no writer is left */
int pipe_write(struct pipe *pipe, const void *buffer, uint32_t count);  /* -EPIPE and SIGPIPE: no reader is left */

#endif
