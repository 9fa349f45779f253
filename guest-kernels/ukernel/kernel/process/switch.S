# switch_context(&save_stack_pointer, load_stack_pointer): suspends one kernel context and resumes another.
# The frame on the stack is struct switch_frame of process.c. Below it, where process 1 starts.
.text
.globl switch_context
switch_context:
    movl 4(%esp), %eax
    movl 8(%esp), %edx
    pushl %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    movl %esp, (%eax)
    movl %edx, %esp
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret

# First return of a kernel thread: the trap frame lies at ESP; the C body fills it and trap_return enters ring 3.
.globl init_thread_entry
init_thread_entry:
    pushl %esp
    call init_thread
    addl $4, %esp
    jmp trap_return
