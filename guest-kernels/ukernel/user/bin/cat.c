/* Copies files, or its input, to its output. */
#include "user.h"

static char buffer[4096];

static int copy(int descriptor)
{
    int got;
    while ((got = read(descriptor, buffer, sizeof buffer)) > 0)
        if (write(1, buffer, got) != got)
            return 1;
    return got < 0;
}

int main(int argc, char **argv)
{
    int result = argc < 2 ? copy(0) : 0;
    for (int i = 1; i < argc; i++) {
        int descriptor = open(argv[i], O_READ);
        if (descriptor < 0) {
            print_to(2, "cat: %s: error %d\n", argv[i], -descriptor);
            result = 1;
            continue;
        }
        result |= copy(descriptor);
        close(descriptor);
    }
    return result;
}
