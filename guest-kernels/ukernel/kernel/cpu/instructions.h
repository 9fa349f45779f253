/* One inline function for each machine instruction that C cannot express. */
#ifndef CPU_INSTRUCTIONS_H
#define CPU_INSTRUCTIONS_H
#include <stdint.h>

#define EFLAGS_IF 0x200u

static inline void outb(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline uint8_t inb(uint16_t port) { uint8_t value; __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port)); return value; }
static inline void insw(uint16_t port, void *buffer, uint32_t words)
{ __asm__ volatile("rep insw" : "+D"(buffer), "+c"(words) : "d"(port) : "memory"); }
static inline void outsw(uint16_t port, const void *buffer, uint32_t words)
{ __asm__ volatile("rep outsw" : "+S"(buffer), "+c"(words) : "d"(port) : "memory"); }

static inline void cli(void) { __asm__ volatile("cli" : : : "memory"); }
static inline void sti(void) { __asm__ volatile("sti" : : : "memory"); }
/* STI takes effect after the next instruction, so no interrupt can slip in before HLT (SDM vol. 2, STI). */
static inline void sti_hlt(void) { __asm__ volatile("sti; hlt" : : : "memory"); }
static inline void hlt(void) { __asm__ volatile("hlt" : : : "memory"); }

static inline uint32_t read_eflags(void) { uint32_t f; __asm__ volatile("pushfl; popl %0" : "=r"(f) : : "memory"); return f; }
static inline uint32_t interrupts_save(void) { uint32_t f; __asm__ volatile("pushfl; popl %0; cli" : "=r"(f) : : "memory"); return f; }
static inline void interrupts_restore(uint32_t f) { __asm__ volatile("pushl %0; popfl" : : "r"(f) : "memory", "cc"); }

static inline uint32_t read_cr0(void) { uint32_t v; __asm__ volatile("movl %%cr0, %0" : "=r"(v)); return v; }
static inline uint32_t read_cr2(void) { uint32_t v; __asm__ volatile("movl %%cr2, %0" : "=r"(v)); return v; }
static inline uint32_t read_cr3(void) { uint32_t v; __asm__ volatile("movl %%cr3, %0" : "=r"(v)); return v; }
static inline uint32_t read_cr4(void) { uint32_t v; __asm__ volatile("movl %%cr4, %0" : "=r"(v)); return v; }
static inline void write_cr0(uint32_t v) { __asm__ volatile("movl %0, %%cr0" : : "r"(v) : "memory"); }
static inline void write_cr3(uint32_t v) { __asm__ volatile("movl %0, %%cr3" : : "r"(v) : "memory"); }
static inline void write_cr4(uint32_t v) { __asm__ volatile("movl %0, %%cr4" : : "r"(v) : "memory"); }
static inline void clts(void) { __asm__ volatile("clts"); }
static inline void invlpg(uint32_t address) { __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory"); }

#define CR0_MP 0x2u
#define CR0_EM 0x4u
#define CR0_TS 0x8u
#define CR0_NE 0x20u
#define CR0_WP 0x10000u
#define CR4_PSE 0x10u
#define CR4_PGE 0x80u
#define CR4_OSFXSR 0x200u
#define CR4_OSXMMEXCPT 0x400u

#endif
