// datagrams: how many UDP datagrams get from one Linux system to another. One line each: datagrams sent|taken N of B bytes us T
//   datagrams send ADDRESS PORT COUNT BYTES   as fast as it goes
//   datagrams take PORT                       those that come, from the first to a second without any
#include "../lib/system.h"

enum { CALL_SOCKET = 1, CALL_BIND = 2, CALL_CONNECT = 3, CALL_SEND = 9, CALL_RECV = 10, CALL_SETSOCKOPT = 14 };
enum { AF_INET = 2, SOCK_DGRAM = 2, SOL_SOCKET = 1, SO_RCVTIMEO = 20, LONGEST = 1472 };

struct address {
    uint16_t family, port; // the port in network order
    uint8_t host[4], padding[8];
};

static uint8_t buffer[LONGEST];

static int32_t socket_call(int32_t call, intptr_t a, intptr_t b, intptr_t c, intptr_t d, intptr_t e)
{
    intptr_t arguments[] = {a, b, c, d, e};
    return system_call(SYS_SOCKETCALL, call, (intptr_t)arguments, 0);
}

static int32_t must(int32_t result, const char *what)
{
    if (result >= 0)
        return result;
    print("datagrams: %s: error %d\n", what, -result);
    leave(1);
}

static uint32_t number_of(const char **text)
{
    uint32_t value = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++)
        value = value * 10 + (uint32_t)(**text - '0');
    if (**text == '.')
        (*text)++;
    return value;
}

static uint32_t number(const char *text)
{
    return number_of(&text);
}

static uint32_t microseconds_since(uint64_t start)
{
    uint64_t taken = nanoseconds_of(CLOCK_MONOTONIC) - start;
    uint32_t quotient, remainder;
    asm("divl %4" : "=a"(quotient), "=d"(remainder) : "0"((uint32_t)taken), "1"((uint32_t)(taken >> 32)), "r"(1000) : "cc");
    return quotient;
}

static int32_t open_socket(int32_t call, const char *host, uint32_t port, const char *what)
{
    struct address address = {.family = AF_INET, .port = (uint16_t)(port << 8 | port >> 8)};
    for (int i = 0; host && i < 4; i++)
        address.host[i] = (uint8_t)number_of(&host);
    int32_t socket = must(socket_call(CALL_SOCKET, AF_INET, SOCK_DGRAM, 0, 0, 0), "socket");
    must(socket_call(call, socket, (intptr_t)&address, sizeof address, 0, 0), what);
    return socket;
}

static void wait_at_most(int32_t socket, int32_t seconds)
{
    int32_t time[2] = {seconds, 0};
    must(socket_call(CALL_SETSOCKOPT, socket, SOL_SOCKET, SO_RCVTIMEO, (intptr_t)time, sizeof time), "setsockopt");
}

static int send_all(int32_t socket, uint32_t count, uint32_t bytes)
{
    uint32_t sent = 0;
    uint64_t start = nanoseconds_of(CLOCK_MONOTONIC);
    for (uint32_t i = 0; i < count; i++)
        sent += socket_call(CALL_SEND, socket, (intptr_t)buffer, (intptr_t)bytes, 0, 0) == (int32_t)bytes;
    print("datagrams sent %u of %u bytes us %u\n", sent, bytes, microseconds_since(start));
    return 0;
}

static int take_all(int32_t socket)
{
    wait_at_most(socket, 60);
    int32_t bytes = must(socket_call(CALL_RECV, socket, (intptr_t)buffer, LONGEST, 0, 0), "receive");
    uint64_t first = nanoseconds_of(CLOCK_MONOTONIC);
    uint32_t taken = 1, last = 0;
    wait_at_most(socket, 1);
    while (socket_call(CALL_RECV, socket, (intptr_t)buffer, LONGEST, 0, 0) >= 0) {
        taken++;
        last = microseconds_since(first);
    }
    print("datagrams taken %u of %u bytes us %u\n", taken, (uint32_t)bytes, last);
    return 0;
}

int main(int argc, char **argv, char **environment)
{
    (void)environment;
    if (argc == 6 && strcmp(argv[1], "send") == 0 && number(argv[5]) <= LONGEST)
        return send_all(open_socket(CALL_CONNECT, argv[2], number(argv[3]), "connect"), number(argv[4]), number(argv[5]));
    if (argc == 3 && strcmp(argv[1], "take") == 0)
        return take_all(open_socket(CALL_BIND, 0, number(argv[2]), "bind"));
    print("usage: datagrams send ADDRESS PORT COUNT BYTES | take PORT\n");
    return 2;
}
