// Random reads with Linux's asynchronous I/O, so that one process keeps many under way.
#include "../lib/system.h"
#include "parts.h"

enum { SYS_LLSEEK = 140, SYS_IO_SETUP = 245, SYS_IO_GETEVENTS = 247, SYS_IO_SUBMIT = 248 };
enum { O_DIRECT = 0x4000, O_LARGEFILE = 0x8000, SEEK_END = 2, READ_COMMAND = 0, BLOCK = 4096, MOST = 64 };

// include/uapi/linux/aio_abi.h
struct io_control {
    uint64_t data;
    uint32_t key, flags;
    uint16_t command;
    int16_t priority;
    uint32_t file;
    uint64_t buffer, bytes;
    int64_t offset;
    uint64_t reserved;
    uint32_t more_flags, event_file;
};

struct io_event {
    uint64_t data, control;
    int64_t result, second;
};

int read_random(const char *path, uint32_t depth, uint32_t operations)
{
    static struct io_control controls[MOST];
    static struct io_event events[MOST];
    if (depth == 0 || depth > MOST)
        must(-22, "depth");
    int32_t file = must(system_call(SYS_OPEN, (intptr_t)path, O_RDONLY | O_DIRECT | O_LARGEFILE, 0), path);
    int64_t length = 0;
    must(system_call6(SYS_LLSEEK, file, 0, 0, (intptr_t)&length, SEEK_END, 0), "llseek");
    uint32_t blocks = divide((uint64_t)length, BLOCK), random = 12345, submitted = 0, done = 0;
    uint8_t *buffers = map_anonymous(MOST * BLOCK, PROT_READ | PROT_WRITE);
    uint32_t context = 0;
    must(system_call(SYS_IO_SETUP, MOST, (intptr_t)&context, 0), "io_setup");
    const char *name = depth == 1 ? "random-1" : "random-32";
    print("disk %s begins\n", name);
    uint64_t start = nanoseconds_of(CLOCK_MONOTONIC);
    uint32_t free[MOST], free_count = depth;
    for (uint32_t i = 0; i < depth; i++)
        free[i] = i;
    while (done < operations) {
        struct io_control *batch[MOST];
        uint32_t count = 0;
        while (free_count && submitted < operations) {
            uint32_t slot = free[--free_count];
            random = random * 1664525 + 1013904223;
            controls[slot] = (struct io_control){
                .data = slot, .command = READ_COMMAND, .file = (uint32_t)file, .buffer = (uintptr_t)(buffers + slot * BLOCK),
                .bytes = BLOCK, .offset = (int64_t)(uint64_t)((random >> 4) % blocks) * BLOCK,
            };
            batch[count++] = &controls[slot];
            submitted++;
        }
        if (count)
            must(system_call(SYS_IO_SUBMIT, (intptr_t)context, (intptr_t)count, (intptr_t)batch), "io_submit");
        int32_t got = must(system_call6(SYS_IO_GETEVENTS, (intptr_t)context, 1, MOST, (intptr_t)events, 0, 0), "io_getevents");
        for (int32_t i = 0; i < got; i++) {
            if (events[i].result != BLOCK)
                must(-5, "read");
            free[free_count++] = (uint32_t)events[i].data;
        }
        done += (uint32_t)got;
    }
    report(name, operations * BLOCK, operations, nanoseconds_of(CLOCK_MONOTONIC) - start);
    return 0;
}
