/* A ring of one page; readers sleep on an empty, writers on a full one. */
#include "files/pipe.h"
#include "abi/errors.h"
#include "memory/frames.h"
#include "memory/layout.h"
#include "process/process.h"
#include "process/signal.h"

#define PIPE_COUNT 48

struct pipe {
    uint32_t frame;
    uint32_t read_at, write_at; /* free running */
    bool has_reader, has_writer;
};

static struct pipe pipes[PIPE_COUNT];

struct pipe *pipe_create(void)
{
    for (struct pipe *p = pipes; p < pipes + PIPE_COUNT; p++) {
        if (p->frame)
            continue;
        uint32_t frame = frame_allocate();
        *p = (struct pipe){ .frame = frame, .has_reader = true, .has_writer = true };
        return frame ? p : 0;
    }
    return 0;
}

void pipe_close(struct pipe *pipe, bool write_end)
{
    *(write_end ? &pipe->has_writer : &pipe->has_reader) = false;
    if (pipe->has_reader || pipe->has_writer) {
        wakeup(pipe);
        return;
    }
    frame_release(pipe->frame);
    pipe->frame = 0;
}

int pipe_read(struct pipe *pipe, void *buffer, uint32_t count)
{
    while (pipe->read_at == pipe->write_at) {
        if (!pipe->has_writer)
            return 0;
        if (signal_pending(current))
            return -EINTR;
        sleep_on(pipe);
    }
    const uint8_t *ring = physical_to_virtual(pipe->frame);
    uint32_t done = 0;
    while (done < count && pipe->read_at != pipe->write_at)
        ((uint8_t *)buffer)[done++] = ring[pipe->read_at++ % PAGE_SIZE];
    wakeup(pipe);
    return done;
}

int pipe_write(struct pipe *pipe, const void *buffer, uint32_t count)
{
    uint8_t *ring = physical_to_virtual(pipe->frame);
    for (uint32_t done = 0; done < count; ) {
        if (!pipe->has_reader) {
            signal_send(current, SIGPIPE);
            return -EPIPE;
        }
        if (pipe->write_at - pipe->read_at < PAGE_SIZE) {
            ring[pipe->write_at++ % PAGE_SIZE] = ((const uint8_t *)buffer)[done++];
            continue;
        }
        if (signal_pending(current))
            return done ? (int)done : -EINTR;
        wakeup(pipe);
        sleep_on(pipe);
    }
    wakeup(pipe);
    return count;
}
