#pragma once
#include <stdint.h>

enum { PARAMETER_STORE_FRAME = 1, PARAMETER_STORE_PORT = 2, PARAMETER_CONSOLE_FRAME = 17, PARAMETER_CONSOLE_PORT = 18 };
uint32_t parameter(uint32_t index); // 0 when there is none
