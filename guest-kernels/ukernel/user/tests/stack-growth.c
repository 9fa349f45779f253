/* The stack grows page by page down to 900 KiB, by recursion and by one large frame. */
#include "test.h"

static int descend(int depth)
{
    volatile int frame[256];
    frame[0] = frame[255] = depth;
    int below = depth ? descend(depth - 1) : 0;
    return frame[0] == depth && frame[255] == depth ? below + 1 : -100000;
}

static int large_frame(void)
{
    volatile uint8_t frame[600 * 1024];
    frame[0] = 1; /* far below the stack pointer's last page */
    return frame[0] + frame[300 * 1024];
}

int main(void)
{
    check(descend(800) == 801, "deep recursion failed");
    large_frame();
    check(descend(10) == 11, "the stack broke");
    return 0;
}
