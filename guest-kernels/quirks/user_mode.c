// Ring 3 as the kernel set it up: the way in and out, stack switch, the unprivileged sensitive instructions there,
// flags, I/O permission, call gate.
#include "../lib/cpu.h"
#include "../lib/pic.h"
#include "../lib/pit.h"
#include "../lib/trap.h"
#include "../lib/uart.h"
#include "dispatch.h"
#include "groups.h"
#include "tables.h"
#include "user.h"

enum { QUIET = EFLAGS_FIXED, OPEN = EFLAGS_FIXED | EFLAGS_INTERRUPT };

#define STORED "subl $8, %esp; movl $0, (%esp); movl $0, 4(%esp)"

USER_CODE(return_value, "", "movl $0x1234, %eax");
USER_CODE(read_cs, "", "movl %cs, %eax");
USER_CODE(push_cs, "", "pushl %cs; popl %eax; andl $0xFFFF, %eax");
USER_CODE(read_ss, "", "movl %ss, %eax");
USER_CODE(read_ds, "", "movl %ds, %eax");
USER_CODE(read_fs, "movl $-1, %eax", "movl %fs, %eax; andl $0xFFFF, %eax");
USER_CODE(read_flags, "", "pushfl; popl %eax; andl $0x3200, %eax");
USER_CODE(clear_interrupt_flag, "pushl $0x2", "popfl; pushfl; popl %eax; andl $0x3200, %eax");
USER_CODE(set_iopl, "pushl $0x3202", "popfl; pushfl; popl %eax; andl $0x3200, %eax");
USER_CODE(cli_sti, "cli; pushfl; popl %eax; sti; pushfl; popl %ecx",
          "andl $0x200, %eax; andl $0x200, %ecx; shll $16, %ecx; orl %ecx, %eax");
USER_CODE(store_gdt, STORED, "sgdt (%esp); movl 2(%esp), %eax");
USER_CODE(store_idt, STORED, "sidt (%esp); movl 2(%esp), %eax");
USER_CODE(store_ldt, "", "sldt %eax");
USER_CODE(store_task, "", "str %eax");
USER_CODE(store_machine_status, "", "smsw %eax; andl $0xFFFF, %eax");
USER_CODE(rights_of_kernel, "movl $0x90, %ecx; movl $0x77, %eax", "larl %ecx, %eax");
USER_CODE(rights_of_user, "movl $0x6B, %ecx", "larl %ecx, %eax; andl $0xF0FF00, %eax");
USER_CODE(limit_of_local, "movl $0x27, %ecx", "lsll %ecx, %eax");
USER_CODE(verify_kernel, "movl $0x90, %ecx",
          "cmpl %esp, %esp; verr %cx; setz %al; cmpl %esp, %esp; verw %cx; setz %ah; movzwl %ax, %eax");
USER_CODE(verify_user, "movl $0x6B, %ecx",
          "testl %esp, %esp; verr %cx; setz %al; testl %esp, %esp; verw %cx; setz %ah; movzwl %ax, %eax");
USER_CODE(read_local, "movl $0x27, %ecx; movl %ecx, %gs", "movl %gs:4, %eax");
USER_CODE(system_call_flags, "stc", "nop");
USER_CODE(call_gate, "movl %esp, %ebx; pushl $0x50; pushl $0x20", "lcall $0x5B, $0; subl %esp, %ebx; addl %ebx, %eax");
USER_CODE(read_port, "movw $0x3FF, %dx; movb $0x3C, %al", "outb %al, %dx; xorl %eax, %eax; inb %dx, %al");
USER_CODE(wait_a_little, "movl $3000, %ecx", "1: loop 1b; movl $0x4321, %eax");
USER_CODE(own_interrupt, "int $0x40", "movl $0x55, %eax");

// A check of the frame that the last system call left behind.
static void check_frame(void)
{
    check_user_value("user-system-call", user_system_call_flags, OPEN, 0);
    check_equal("user-pushed-eip", last_trap.eip, (uint32_t)user_system_call_flags_after + 2);
    check_equal("user-pushed-cs", last_trap.cs, SELECTOR_USER_CODE);
    check_equal("user-pushed-flags", last_trap.eflags & 0x3201, EFLAGS_INTERRUPT | EFLAGS_CARRY);
    check_equal("user-pushed-esp", last_trap.esp, (uint32_t)user_stack + USER_STACK_SIZE);
    check_equal("user-pushed-ss", last_trap.ss, SELECTOR_USER_DATA);
    check_equal("user-esp0", last_trap.frame_end, tss.esp0);
    check_equal("user-trap-gate-keeps-if", last_trap.flags_inside & EFLAGS_INTERRUPT, EFLAGS_INTERRUPT);
}

static void check_silent_instructions(void)
{
    check_user_value("user-sgdt-base", user_store_gdt, QUIET, gdt_register.base);
    check_user_value("user-sidt-base", user_store_idt, QUIET, idt_register.base);
    check_user_value("user-sldt", user_store_ldt, QUIET, SELECTOR_LDT);
    check_user_value("user-str", user_store_task, QUIET, SELECTOR_TSS);
    check_user_value("user-smsw", user_store_machine_status, QUIET, read_cr0() & 0xFFFF);
    check_user_value("user-lar-kernel-data", user_rights_of_kernel, QUIET, 0x77);
    check_user_value("user-lar-user-data", user_rights_of_user, QUIET, 0xC0F300);
    check_user_value("user-lsl-local", user_limit_of_local, QUIET, sizeof local_area - 1);
    check_user_value("user-verr-verw-kernel", user_verify_kernel, QUIET, 0);
    check_user_value("user-verr-verw-user", user_verify_user, QUIET, 0x101);
    check_user_value("user-base-local", user_read_local, QUIET, LOCAL_MARK + 1);
}

static void check_flags_in_ring_3(void)
{
    check_user_value("user-pushf-if-set", user_read_flags, OPEN, EFLAGS_INTERRUPT);
    check_user_value("user-pushf-if-clear", user_read_flags, QUIET, 0);
    check_user_value("user-pushf-iopl-3", user_read_flags, OPEN | EFLAGS_IOPL, EFLAGS_INTERRUPT | EFLAGS_IOPL);
    // Without the privilege popf leaves IF and IOPL alone, without an exception (SDM vol. 2, POPF, table 4-18).
    check_user_value("user-popf-keeps-if", user_clear_interrupt_flag, OPEN, EFLAGS_INTERRUPT);
    check_user_value("user-popf-keeps-iopl", user_set_iopl, QUIET, 0);
    check_user_value("user-popf-iopl-3-changes-if", user_clear_interrupt_flag, OPEN | EFLAGS_IOPL, EFLAGS_IOPL);
    check_user_value("user-cli-sti-iopl-3", user_cli_sti, OPEN | EFLAGS_IOPL, EFLAGS_INTERRUPT << 16);
}

static void allow_port(uint16_t port, bool allowed)
{
    uint8_t bit = (uint8_t)(1u << (port & 7));
    if (allowed)
        tss.io_map[port / 8] &= (uint8_t)~bit;
    else
        tss.io_map[port / 8] |= bit;
}

static void check_port_permission(void)
{
    check_user_trap("user-out-denied", user_read_port, QUIET, TRAP_PROTECTION, 0, user_read_port_at);
    check_user_value("user-in-out-iopl-3", user_read_port, QUIET | EFLAGS_IOPL, 0x3C);
    allow_port(UART_SCRATCH, true);
    check_user_value("user-in-out-io-map", user_read_port, QUIET, 0x3C);
    allow_port(UART_SCRATCH, false);
    check_user_trap("user-out-denied-again", user_read_port, QUIET, TRAP_PROTECTION, 0, user_read_port_at);
}

static void check_interrupt_in_ring_3(void)
{
    interrupt_count = 0;
    pit_start_once(600);
    pic_unmask(PIT_LINE);
    for (uint32_t i = 0; i < 200000 && !pic_is_requested(PIT_LINE); i++)
        ;
    check_user_value("user-iret-lets-irq-in", user_wait_a_little, OPEN, 0x4321);
    check_equal("user-irq-count", interrupt_count, 1);
    pic_mask_all();
}

void check_user_mode(void)
{
    check_user_value("user-iret", user_return_value, QUIET, 0x1234);
    check_user_value("user-mov-cs", user_read_cs, QUIET, SELECTOR_USER_CODE);
    check_user_value("user-push-cs", user_push_cs, QUIET, SELECTOR_USER_CODE);
    check_user_value("user-mov-ss", user_read_ss, QUIET, SELECTOR_USER_DATA);
    check_user_value("user-mov-ds", user_read_ds, QUIET, SELECTOR_USER_DATA);
    // A segment that ring 3 must not keep becomes null on the way out (SDM vol. 2, IRET).
    check_user_value("user-iret-nulls-kernel-segment", user_read_fs, QUIET, 0);
    check_frame();
    check_silent_instructions();
    check_flags_in_ring_3();
    // Ring 0 saw 0x50 - 0x20 and its own CS; both parameters are gone afterwards.
    check_user_value("user-call-gate", user_call_gate, QUIET, SELECTOR_KERNEL_CODE << 16 | 0x30);
    check_port_permission();
    check_interrupt_in_ring_3();
    check_user_trap("user-int-n-ends-here", user_own_interrupt, QUIET, VECTOR_INTERRUPT_GATE, 0, user_own_interrupt_at);
}
