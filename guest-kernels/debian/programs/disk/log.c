// A write-ahead log: each record is on the disk before anybody is told that it is.
#include "../lib/system.h"
#include "parts.h"

enum { SYS_FDATASYNC = 148, RECORD = 4096 };

int write_log(const char *path, uint32_t records)
{
    static uint32_t record[RECORD / 4];
    int32_t file = must(system_call(SYS_OPEN, (intptr_t)path, O_WRONLY | O_CREAT, 0644), path);
    for (uint32_t number = 1; number <= records; number++) {
        for (uint32_t i = 0; i < RECORD / 4; i++)
            record[i] = number;
        if (must(system_call(SYS_WRITE, file, (intptr_t)record, RECORD), "write") != RECORD)
            must(-5, "write");
        must(system_call(SYS_FDATASYNC, file, 0, 0), "fdatasync");
        print("logged %u\n", number);
    }
    return 0;
}
