/* The clock runs forwards, while spinning and while sleeping, and sleeps last at least as long as asked. */
#include "test.h"

int main(void)
{
    unsigned start = uptime(), last = start;
    while (last - start < 50) {
        unsigned now = uptime();
        check(now >= last, "the clock ran backwards");
        last = now;
    }
    for (unsigned time = 0; time <= 60; time += 15) {
        start = uptime();
        check(sleep(time) == 0, "sleep failed");
        unsigned slept = uptime() - start;
        check(slept >= time, "a sleep was too short");
        check(slept < time + 5000, "a sleep was far too long");
    }
    start = uptime();
    check(sleep_until(start) == 0 && sleep_until(0) == 0, "the past should not make one sleep");
    return 0;
}
