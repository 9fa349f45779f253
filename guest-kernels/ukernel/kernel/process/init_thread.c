/* Process 1 begins in the kernel: here sleeping works, so the disk can be mounted; then it becomes /bin/init. */
#include "console.h"
#include "cpu/instructions.h"
#include "files/disk_fs.h"
#include "files/file.h"
#include "multiboot.h"
#include "process/process.h"

void init_thread(struct trap_frame *frame)
{
    static char *argv[32] = { "init" };
    int argc = 1;
    sti();
    disk_fs_mount();
    current->descriptors[0] = file_open_console();
    for (int i = 1; i < 3; i++) {
        current->descriptors[i] = current->descriptors[0];
        file_share(current->descriptors[i]);
    }
    for (char *p = boot_command_line; *p && argc < 32; ) {
        while (*p == ' ')
            *p++ = 0;
        if (*p)
            argv[argc++] = p;
        while (*p && *p != ' ')
            p++;
    }
    int error = process_exec_kernel("/bin/init", argc, argv, frame);
    if (error)
        panic("cannot run /bin/init: error %d", error);
    cli(); /* trap_return expects what a trap leaves */
}
