#!/bin/sh
. ./lib.sh
cd /proc/sys/kernel || exit 1
# each: mode, what is written, what is then there
try() {
	f=$1; shift
	mode $f
	for v; do put "$v" $f; get $f; done
}
hr texts
try core_pattern core '|/bin/dump %p' "$(printf '%0130d' 7)" ''
try poweroff_cmd /sbin/poweroff /bin/true
hr numbers
try core_pipe_limit 3 -1 x
try core_uses_pid 1 0 2
try ctrl-alt-del 1 0
try print-fatal-signals 1 0
try panic_on_io_nmi 1 0
try panic_on_unrecovered_nmi 1 0
try unknown_nmi_panic 0
try hung_task_panic 1 0 2
try hung_task_warnings 5 -1 -2
try hung_task_timeout_secs 60 0
try randomize_va_space 2 1
try sysctl_writes_strict 1
try pid_max 400000 300
try threads-max 6000
try perf_event_max_sample_rate 50000
try msgmax 4096 -1
try sem '1 2 3 4'
try shmmni 4000
try sched_autogroup_enabled 1
try traceoff_on_warning 1 0
try numa_balancing 0
try ftrace_dump_on_oops 0
hr only for reading
try overflowuid 65534
try cap_last_cap 1
try ngroups_max 1
try osrelease x
