/* Makes directories. */
#include "user.h"

int main(int argc, char **argv)
{
    int result = 0;
    for (int i = 1; i < argc; i++) {
        int error = mkdir(argv[i]);
        if (error)
            print_to(2, "mkdir: %s: error %d\n", argv[i], -error);
        result |= error != 0;
    }
    return result;
}
