/* What CPUID leaf 1 offers and this kernel uses. */
#ifndef CPU_FEATURES_H
#define CPU_FEATURES_H
#include <stdbool.h>

struct cpu_features { bool fpu, pse, pge, fxsr, sse; };
extern struct cpu_features cpu_features;

void cpu_features_detect(void);

#endif
