/* Sleeps for a number of milliseconds. */
#include "user.h"

int main(int argc, char **argv) { return argc < 2 || sleep(atoi(argv[1])) != 0; }
