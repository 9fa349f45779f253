// disk: what block devices of a Linux system cost, and whether they keep what they promise. The same static binary runs in a guest and on
// the host. Two lines for each measurement: disk NAME begins, and disk NAME bytes B operations N us T
//   disk time NAME BYTES PROGRAM [ARGUMENT...]   how long a program takes that moves so many bytes
//   disk random PATH DEPTH OPERATIONS            reads of 4 KiB at random places, so many under way at once, past the page cache
//   disk log PATH RECORDS                        writes numbered records, each flushed; says "logged N" when record N is on the disk
#include "../lib/system.h"
#include "parts.h"

char **environment;

uint32_t number_of(const char *text)
{
    uint32_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint32_t)(*text - '0');
    return value;
}

int32_t must(int32_t result, const char *what)
{
    if (result >= 0)
        return result;
    print("disk: %s: error %d\n", what, -result);
    leave(1);
}

void report(const char *name, uint32_t bytes, uint32_t operations, uint64_t nanoseconds)
{
    uint32_t microseconds = divide(nanoseconds, 1000);
    print("disk %s bytes %u operations %u us %u\n", name, bytes, operations, microseconds);
}

uint32_t divide(uint64_t dividend, uint32_t divisor)
{
    uint32_t quotient, remainder;
    asm("divl %4" : "=a"(quotient), "=d"(remainder) : "0"((uint32_t)dividend), "1"((uint32_t)(dividend >> 32)), "r"(divisor) : "cc");
    return quotient;
}

static int time_program(const char *name, uint32_t bytes, char **command)
{
    print("disk %s begins\n", name);
    uint64_t start = nanoseconds_of(CLOCK_MONOTONIC);
    int32_t process = must(fork(), "fork");
    if (process == 0) {
        must(system_call(SYS_EXECVE, (intptr_t)command[0], (intptr_t)command, (intptr_t)environment), command[0]);
        leave(127);
    }
    int status = 0;
    must(wait_for(process, &status), "wait");
    uint64_t taken = nanoseconds_of(CLOCK_MONOTONIC) - start;
    if (status)
        print("disk: %s: status %d\n", name, status);
    else
        report(name, bytes, 1, taken);
    return status != 0;
}

int main(int argc, char **argv, char **variables)
{
    environment = variables;
    if (argc >= 5 && strcmp(argv[1], "time") == 0)
        return time_program(argv[2], number_of(argv[3]), argv + 4);
    if (argc == 5 && strcmp(argv[1], "random") == 0)
        return read_random(argv[2], number_of(argv[3]), number_of(argv[4]));
    if (argc == 4 && strcmp(argv[1], "log") == 0)
        return write_log(argv[2], number_of(argv[3]));
    print("usage: disk time NAME BYTES PROGRAM [ARGUMENT...] | random PATH DEPTH OPERATIONS | log PATH RECORDS\n");
    return 2;
}
