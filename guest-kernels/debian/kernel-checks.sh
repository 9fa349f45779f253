#!/bin/sh
# What Linux does to its own code while it runs, in a guest of Debian's kernel: modules with jump labels and fix-ups, the function tracers, probes,
# static calls, code from the BPF compiler. Prints one line a check, "check NAME ok" or what went wrong. Needs busybox's applets,
# selftest, and the modules named below in /modules. Environment: TRACED, a pattern of the functions to trace instead of all of them, for
# where each costs a trap.
set -u
failures=0
ok() { echo "check $1 ok"; }
failed() { echo "check $1 FAILED: $2"; failures=$((failures + 1)); }
judge() { # NAME VALUE CONDITION...: ok where the condition holds of the value
    name=$1 value=$2
    shift 2
    if [ "$value" "$@" ]; then ok "$name"; else failed "$name" "${value:-nothing} is not $*"; fi
}
insert() { insmod "/modules/$1.ko" 2>&1 && lsmod | grep -q "^$1 "; }
remove() { rmmod "$1" 2>&1 && ! lsmod | grep -q "^$1 "; }
log_of() { dmesg | sed -n "s/^.*$1: //p" | tail -n 1; }

mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
cd /sys/kernel/tracing || exit 1
dmesg -n 1

# Modules, each put in, taken out and put in again, at what may be the same place with other code.
for round in 1 2; do
    result=$(insert test_static_key_base && insert test_static_keys && remove test_static_keys && remove test_static_key_base) &&
        ok "jump-labels-$round" || failed "jump-labels-$round" "$result $(log_of test_static_keys)"
    result=$(insert test_user_copy && remove test_user_copy) && ok "exception-tables-$round" ||
        failed "exception-tables-$round" "$result $(log_of test_user_copy)"
done
judge user-copies "$(dmesg | grep -c 'test_user_copy: tests passed')" -eq 2

# Tracers patch a call into the entry of every function, and take it out again. Nothing is recorded meanwhile: the patching itself would be.
echo "${TRACED-}" >set_ftrace_filter
for tracer in function function_graph function; do
    echo 0 >tracing_on
    : >trace
    echo $tracer >current_tracer
    echo 1 >tracing_on
    ls /proc >/dev/null
    echo 0 >tracing_on
    judge "tracer-$tracer" "$(head -n 20000 trace | grep -c 'vfs_\|schedule\|_read')" -gt 10
    echo nop >current_tracer
done
: >trace
echo vfs_open >set_ftrace_filter
echo function >current_tracer
echo 1 >tracing_on
for i in 1 2 3 4 5; do cat /proc/self/stat >/dev/null; done
echo 0 >tracing_on
traced=$(grep -c ': vfs_open <-' trace)
judge tracer-of-one "$traced" -ge 5
judge tracer-of-no-other "$(grep -c '<-' trace)" -eq "$traced"
echo 1 >tracing_on
echo nop >current_tracer
: >set_ftrace_filter

# Probes: by breakpoint or jump inside of functions, by ftrace at their start, at their return; of user code, by breakpoint.
hits() { # EVENT COMMAND...: how often it struck while the command ran ten times
    : >trace
    echo 1 >"events/checks/$1/enable" || return
    event=$1 i=0
    shift
    while [ $i -lt 10 ]; do "$@" >/dev/null; i=$((i + 1)); done
    echo 0 >"events/checks/$event/enable"
    grep -c " $event: " trace
}
echo 'p:checks/start cmdline_proc_show' >>kprobe_events
judge probe-start "$(hits start cat /proc/cmdline)" -eq 10
inside=0
for offset in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    echo "p:checks/inside_$offset cmdline_proc_show+$offset" >>kprobe_events 2>/dev/null || continue
    judge "probe-inside-$((inside += 1))" "$(hits "inside_$offset" cat /proc/cmdline)" -eq 10
done
judge probes-inside "$inside" -ge 5
echo 'r:checks/return cmdline_proc_show result=$retval' >>kprobe_events
judge probe-return "$(hits return cat /proc/cmdline)" -eq 10
judge probe-return-value "$(grep -c 'result=0x0' trace)" -eq 10
echo >kprobe_events
judge probes-gone "$(cat kprobe_events | wc -l)" -eq 0
entry=$(od -An -tx4 -j24 -N4 /bin/busybox | tr -d ' ')
echo "p:checks/program /bin/busybox:0x$(printf %x $((0x$entry - 0x8048000)))" >uprobe_events
judge probe-program "$(hits program busybox true)" -eq 10
echo >uprobe_events

# Events are behind jump labels; how the kernel preempts itself is behind static calls.
: >trace
echo 1 >events/sched/sched_switch/enable
sleep 1
echo 0 >events/sched/sched_switch/enable
judge events "$(grep -c sched_switch: trace)" -gt 2
preempt=/sys/kernel/debug/sched/preempt
if [ -e $preempt ]; then
    for how in none full voluntary full none voluntary; do
        echo $how >$preempt
        judge "preempt-$how" "$(cat $preempt)" = "$(sed "s/[()]//g; s/$how/($how)/" $preempt)"
        ls /proc >/dev/null
    done
fi

# The compiler of BPF: the kernel's own test module knows programs and their results. The compiler for i386 refuses some of them, which is
# no fault of what it did compile.
echo 1 >/proc/sys/net/core/bpf_jit_enable
judge jit "$(cat /proc/sys/net/core/bpf_jit_enable)" -eq 1
selftest socket-filter | grep -q 'socket-filter ok' && ok filter || failed filter "selftest socket-filter"
dmesg -c >/dev/null
insmod /modules/test_bpf.ko test_suite=test_bpf test_range=0,340 2>/dev/null && rmmod test_bpf
judge programs-compiled "$(dmesg | grep 'test_bpf: #' | grep 'jited:1' | grep -c ' PASS$')" -gt 300
judge programs-wrong "$(dmesg | grep 'test_bpf: #' | grep -c ' FAIL (')" -eq 0

echo "check: $failures failed"
[ $failures = 0 ]
