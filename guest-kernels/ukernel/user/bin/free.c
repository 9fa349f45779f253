/* Shows free memory, free disk blocks and the time since boot. */
#include "user.h"

int main(void)
{
    print("memory %u KiB free\n", free_memory() * 4);
    if (free_blocks() >= 0)
        print("disk %d KiB free\n", free_blocks());
    print("up %u ms\n", uptime());
    return 0;
}
