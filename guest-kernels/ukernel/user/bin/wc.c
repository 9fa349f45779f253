/* Counts lines, words and bytes of its input. */
#include "user.h"

int main(void)
{
    static char buffer[4096];
    unsigned lines = 0, words = 0, bytes = 0;
    bool in_word = false;
    int got;
    while ((got = read(0, buffer, sizeof buffer)) > 0) {
        for (int i = 0; i < got; i++) {
            bool space = buffer[i] == ' ' || buffer[i] == '\n';
            lines += buffer[i] == '\n';
            words += !space && !in_word;
            in_word = !space;
        }
        bytes += got;
    }
    print("%u %u %u\n", lines, words, bytes);
    return 0;
}
