/* The master of the primary IDE channel, by PIO. */
#ifndef DRIVERS_IDE_H
#define DRIVERS_IDE_H
#include <stdbool.h>
#include <stdint.h>

#define SECTOR_SIZE 512

bool ide_initialize(void);          /* false: no ATA disk there */
uint32_t ide_sector_count(void);
bool ide_read(uint32_t sector, uint32_t count, void *buffer);
bool ide_write(uint32_t sector, uint32_t count, const void *buffer);
bool ide_flush(void);

#endif
