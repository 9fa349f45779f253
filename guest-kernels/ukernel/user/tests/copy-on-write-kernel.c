/* The kernel itself writes into shared pages (read into a buffer): CR0.WP must make that copy them, too. */
#include "test.h"

static char buffer[8192] = "the parent's";

int main(void)
{
    int ends[2], status = 0;
    pipe_checked(ends);
    strcpy(buffer + 4090, "across two pages");
    int pid = fork_checked();
    if (pid == 0) {
        write(ends[1], "THE CHILD'S", 12);
        check(read(ends[0], buffer, 12) == 12 && strcmp(buffer, "THE CHILD'S") == 0, "read into a shared page failed");
        write(ends[1], "0123456789", 10);
        check(read(ends[0], buffer + 4090, 10) == 10, "read across pages failed");
        exit(memcmp(buffer + 4090, "0123456789 pages", 17) != 0);
    }
    check(waitpid(pid, &status, 0) == pid && status == 0, "the child failed"); /* the kernel writes `status`, also shared */
    check(strcmp(buffer, "the parent's") == 0 && strcmp(buffer + 4090, "across two pages") == 0, "the kernel wrote into the parent");
    return 0;
}
