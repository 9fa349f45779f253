// Prints what each compute function returns for a fixed number of iterations on a buffer of zeros: the same everywhere.
#pragma once

void print_compute_results(void);
