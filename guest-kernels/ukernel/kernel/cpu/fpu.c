/* Lazy FPU switching: the registers stay with their last owner until another process touches them. */
#include "cpu/fpu.h"
#include "cpu/features.h"
#include "cpu/instructions.h"
#include "process/process.h"

static struct process *owner;

bool fpu_available(void) { return cpu_features.fpu; }

void fpu_initialize(void)
{
    uint32_t cr0 = read_cr0() & ~(CR0_EM | CR0_MP | CR0_TS);
    if (!cpu_features.fpu) {
        write_cr0(cr0 | CR0_EM);
        return;
    }
    write_cr0(cr0 | CR0_MP | CR0_NE | CR0_TS);
    if (cpu_features.fxsr)
        write_cr4(read_cr4() | CR4_OSFXSR | (cpu_features.sse ? CR4_OSXMMEXCPT : 0));
}

static void save(struct fpu_state *state)
{
    if (cpu_features.fxsr)
        __asm__ volatile("fxsave %0" : "=m"(state->bytes));
    else
        __asm__ volatile("fnsave %0; frstor %0" : "+m"(state->bytes));
}

static void load(const struct fpu_state *state)
{
    static const uint32_t default_mxcsr = 0x1F80;
    if (!state->used) {
        __asm__ volatile("fninit");
        if (cpu_features.sse)
            __asm__ volatile("ldmxcsr %0" : : "m"(default_mxcsr));
    } else if (cpu_features.fxsr) {
        __asm__ volatile("fxrstor %0" : : "m"(state->bytes));
    } else {
        __asm__ volatile("frstor %0" : : "m"(state->bytes));
    }
}

void fpu_acquire(void)
{
    clts();
    if (owner == current)
        return;
    if (owner)
        save(&owner->fpu);
    load(&current->fpu);
    current->fpu.used = true;
    owner = current;
}

void fpu_switch(const struct process *next)
{
    if (!cpu_features.fpu)
        return;
    if (next == owner)
        clts();
    else
        write_cr0(read_cr0() | CR0_TS);
}

void fpu_fork(struct process *parent, struct process *child)
{
    if (owner == parent) {
        clts();
        save(&parent->fpu);
    }
    child->fpu = parent->fpu;
}

void fpu_release(struct process *process)
{
    process->fpu.used = false;
    if (owner == process) {
        owner = 0;
        write_cr0(read_cr0() | CR0_TS);
    }
}
