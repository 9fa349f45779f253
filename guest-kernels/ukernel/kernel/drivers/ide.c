/* ATA PIO on IRQ 14: the process sleeps while the drive works. Callers serialize (the file system's lock). */
#include "drivers/ide.h"
#include "cpu/instructions.h"
#include "drivers/pic.h"
#include "process/process.h"

#define DATA 0x1F0
#define COUNT 0x1F2
#define LBA_LOW 0x1F3
#define LBA_MIDDLE 0x1F4
#define LBA_HIGH 0x1F5
#define DEVICE 0x1F6
#define STATUS 0x1F7
#define COMMAND 0x1F7
#define CONTROL 0x3F6
#define ALTERNATE_STATUS 0x3F6

#define BUSY 0x80
#define DEVICE_FAULT 0x20
#define DATA_REQUEST 0x08
#define ERROR 0x01

#define READ_SECTORS 0x20
#define WRITE_SECTORS 0x30
#define FLUSH_CACHE 0xE7
#define IDENTIFY_DEVICE 0xEC

static uint32_t sectors;
static volatile uint32_t interrupts; /* raised and not yet waited for */
static volatile uint8_t last_status;

uint32_t ide_sector_count(void) { return sectors; }

static void interrupt(void)
{
    last_status = inb(STATUS); /* reading the status register ends INTRQ (ATA-4 5.2.9) */
    interrupts++;
    wakeup((const void *)&interrupts);
}

static bool wait_interrupt(void)
{
    uint32_t flags = interrupts_save();
    while (!interrupts)
        sleep_on((const void *)&interrupts);
    interrupts--;
    interrupts_restore(flags);
    return !(last_status & (ERROR | DEVICE_FAULT));
}

static uint8_t wait_not_busy(void)
{
    uint8_t status;
    while ((status = inb(ALTERNATE_STATUS)) & BUSY)
        ;
    return status;
}

/* ATA-4 asks for 400 ns after selecting a device or giving a command before the status counts; each read of a port takes about 100. */
static void settle(void)
{
    for (int i = 0; i < 4; i++)
        inb(ALTERNATE_STATUS);
}

bool ide_initialize(void)
{
    uint16_t identity[256];
    if (inb(STATUS) == 0xFF) /* a floating bus */
        return false;
    outb(CONTROL, 0x02); /* nIEN: detect by polling */
    outb(DEVICE, 0xA0);
    settle();
    outb(COUNT, 0);
    outb(LBA_LOW, 0);
    outb(LBA_MIDDLE, 0);
    outb(LBA_HIGH, 0);
    outb(COMMAND, IDENTIFY_DEVICE);
    settle();
    uint8_t status = inb(STATUS);
    if (status == 0 || status == 0xFF)
        return false;
    status = wait_not_busy();
    if (status & (ERROR | DEVICE_FAULT) || !(status & DATA_REQUEST)) /* an ATAPI drive aborts the command */
        return false;
    insw(DATA, identity, 256);
    sectors = identity[60] | (uint32_t)identity[61] << 16; /* words 60..61: LBA28 sectors */
    inb(STATUS);
    outb(CONTROL, 0);
    pic_connect(IRQ_IDE, interrupt);
    return sectors != 0;
}

static void command(uint8_t code, uint32_t sector, uint32_t count)
{
    wait_not_busy();
    outb(DEVICE, 0xE0 | (sector >> 24 & 0x0F)); /* LBA, device 0 */
    settle();
    outb(COUNT, count);
    outb(LBA_LOW, sector);
    outb(LBA_MIDDLE, sector >> 8);
    outb(LBA_HIGH, sector >> 16);
    interrupts = 0;
    outb(COMMAND, code);
    settle();
}

bool ide_read(uint32_t sector, uint32_t count, void *buffer)
{
    command(READ_SECTORS, sector, count);
    for (uint8_t *to = buffer; count--; to += SECTOR_SIZE) {
        if (!wait_interrupt()) /* one interrupt a sector, before its data */
            return false;
        insw(DATA, to, SECTOR_SIZE / 2);
    }
    return true;
}

bool ide_write(uint32_t sector, uint32_t count, const void *buffer)
{
    command(WRITE_SECTORS, sector, count);
    for (const uint8_t *from = buffer; count--; from += SECTOR_SIZE) {
        uint8_t status = wait_not_busy();
        if (!(status & DATA_REQUEST) || status & (ERROR | DEVICE_FAULT))
            return false;
        outsw(DATA, from, SECTOR_SIZE / 2);
        if (!wait_interrupt()) /* one interrupt a sector, after its data */
            return false;
    }
    return true;
}

bool ide_flush(void)
{
    command(FLUSH_CACHE, 0, 0);
    return wait_interrupt();
}
