/* exec: reads ELF headers into regions (pages come by demand), puts the arguments on a new stack and lets the
   trap frame return into the new program. Until all that succeeded the old program is untouched. */
#include "abi/errors.h"
#include "abi/files.h"
#include "cpu/instructions.h"
#include "cpu/segments.h"
#include "files/inode.h"
#include "memory/frames.h"
#include "memory/paging.h"
#include "memory/user_copy.h"
#include "process/elf.h"
#include "process/process.h"
#include "string.h"

#define ARGUMENT_COUNT 32
#define ARGUMENT_BYTES 2048

struct arguments {
    uint32_t count, used;
    uint32_t offsets[ARGUMENT_COUNT];
    char bytes[ARGUMENT_BYTES];
};

static int add_segment(struct address_space *space, struct inode *inode, const struct elf_segment *segment)
{
    uint32_t skew = segment->vaddr % PAGE_SIZE;
    struct region *region = &space->regions[segment->flags & ELF_WRITABLE ? REGION_DATA : REGION_TEXT];
    if (region->end || segment->filesz > segment->memsz || segment->offset % PAGE_SIZE != skew ||
        segment->vaddr < PAGE_SIZE || segment->vaddr >= STACK_END - STACK_LIMIT ||
        segment->memsz >= STACK_END - STACK_LIMIT - segment->vaddr)
        return -ENOEXEC;
    region->start = segment->vaddr - skew;
    region->end = page_ceiling(segment->vaddr + segment->memsz);
    region->writable = segment->flags & ELF_WRITABLE;
    region->file_offset = segment->offset - skew;
    region->file_bytes = segment->filesz ? segment->filesz + skew : 0;
    region->inode = inode;
    inode_share(inode);
    return 0;
}

static int load(struct address_space *space, struct inode *inode, uint32_t *entry)
{
    struct elf_header header;
    struct elf_segment segment;
    if (inode->type != TYPE_FILE || inode_read(inode, 0, &header, sizeof header) != sizeof header ||
        *(uint32_t *)header.ident != ELF_MAGIC || header.type != ELF_EXECUTABLE || header.machine != ELF_386 ||
        header.phentsize != sizeof segment)
        return -ENOEXEC;
    for (uint32_t i = 0; i < header.phnum; i++) {
        if (inode_read(inode, header.phoff + i * sizeof segment, &segment, sizeof segment) != sizeof segment)
            return -ENOEXEC;
        int error = segment.type == ELF_LOAD && segment.memsz ? add_segment(space, inode, &segment) : 0;
        if (error)
            return error;
    }
    struct region *regions = space->regions;
    if (!regions[REGION_TEXT].end)
        return -ENOEXEC;
    uint32_t end = regions[REGION_TEXT].end > regions[REGION_DATA].end ? regions[REGION_TEXT].end : regions[REGION_DATA].end;
    regions[REGION_HEAP] = (struct region){ .start = end, .end = end, .writable = true };
    space->heap_end = end;
    *entry = header.entry;
    return 0;
}

/* Top of the stack, downwards: the strings, the argv array with its null, then argv and argc as main's arguments. */
static uint32_t build_stack(struct address_space *space, const struct arguments *arguments)
{
    page_entry *entry = directory_entry_create(space->directory, STACK_END - PAGE_SIZE);
    uint32_t frame = entry ? frame_allocate_zeroed() : 0;
    if (!frame)
        return 0;
    *entry = frame | PAGE_PRESENT | PAGE_USER | PAGE_WRITABLE;

    uint8_t *page = physical_to_virtual(frame);
    uint32_t strings = (PAGE_SIZE - arguments->used) & ~15u;
    uint32_t argv = strings - (arguments->count + 1) * 4;
    uint32_t stack = (argv - 8) & ~15u;
    uint32_t base = STACK_END - PAGE_SIZE;
    memcpy(page + strings, arguments->bytes, arguments->used);
    for (uint32_t i = 0; i < arguments->count; i++)
        *(uint32_t *)(page + argv + i * 4) = base + strings + arguments->offsets[i];
    *(uint32_t *)(page + stack) = arguments->count;
    *(uint32_t *)(page + stack + 4) = base + argv;
    return base + stack;
}

static void enter(struct trap_frame *frame, uint32_t entry, uint32_t stack)
{
    memset(frame, 0, sizeof *frame);
    frame->gs = frame->fs = frame->es = frame->ds = frame->ss = USER_DATA;
    frame->cs = USER_CODE;
    frame->eip = entry;
    frame->esp = stack;
    frame->eflags = EFLAGS_IF | 2;
}

static int replace(const char *path, const struct arguments *arguments, struct trap_frame *frame)
{
    struct address_space space;
    struct inode *inode;
    uint32_t entry = 0, stack = 0;
    int error = inode_open(path, &inode);
    if (error)
        return error;
    if (!address_space_create(&space)) {
        inode_release(inode);
        return -ENOMEM;
    }
    error = load(&space, inode, &entry);
    inode_release(inode);
    if (!error && !(stack = build_stack(&space, arguments)))
        error = -ENOMEM;
    if (error) {
        address_space_destroy(&space);
        return error;
    }
    struct address_space old = current->space;
    current->space = space;
    write_cr3(space.directory);
    address_space_destroy(&old);

    memset(current->handlers, 0, sizeof current->handlers);
    current->blocked = 0;
    fpu_release(current);
    enter(frame, entry, stack);
    return 0;
}

static int gather(struct arguments *arguments, uint32_t argv)
{
    arguments->count = arguments->used = 0;
    for (;; argv += 4) {
        uint32_t string;
        if (!copy_from_user(&string, argv, sizeof string))
            return -EFAULT;
        if (!string)
            return 0;
        if (arguments->count == ARGUMENT_COUNT)
            return -E2BIG;
        int length = copy_string_from_user(arguments->bytes + arguments->used, string, ARGUMENT_BYTES - arguments->used);
        if (length < 0)
            return length == -ENAMETOOLONG ? -E2BIG : length;
        arguments->offsets[arguments->count++] = arguments->used;
        arguments->used += length + 1;
    }
}

int process_exec(const char *path, uint32_t argv, struct trap_frame *frame)
{
    struct arguments arguments;
    int error = gather(&arguments, argv);
    return error ? error : replace(path, &arguments, frame);
}

int process_exec_kernel(const char *path, int argc, char *const argv[], struct trap_frame *frame)
{
    struct arguments arguments = { 0 };
    for (int i = 0; i < argc && i < ARGUMENT_COUNT; i++) {
        uint32_t size = string_length(argv[i]) + 1;
        if (size > ARGUMENT_BYTES - arguments.used)
            return -E2BIG;
        memcpy(arguments.bytes + arguments.used, argv[i], size);
        arguments.offsets[arguments.count++] = arguments.used;
        arguments.used += size;
    }
    return replace(path, &arguments, frame);
}
