/* The parts of the ELF32 format that exec reads (System V ABI, chapter 4 and 5). */
#ifndef PROCESS_ELF_H
#define PROCESS_ELF_H
#include <stdint.h>

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version, entry, phoff, shoff, flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment { uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align; };

#define ELF_MAGIC 0x464C457Fu
#define ELF_EXECUTABLE 2
#define ELF_386 3
#define ELF_LOAD 1
#define ELF_WRITABLE 2

#endif
