//! The rest of /proc/sys/kernel: settings that an instance keeps and that lkm's kernel does not look at, so that a script
//! which changes them does not change the host's. Counterpart: kernel/sysctl.c and the tables of many files.
//!
//! The first values are those of Debian's 6.1 after its boot. DIFFERS: nothing follows from them; a core file is still
//! written as the host wants it.

use crate::fs::sysctl::{IntVar, UnsignedVar, ints, string, unsigned};
use crate::fs::{Spec, Tree};
use kabi::Errno;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicI32, AtomicU64};
use std::sync::{Arc, Mutex};

/// What a file holds, with its first value.
enum Value {
    /// Integers in a range (`proc_dointvec_minmax`).
    Ints(&'static [i32], RangeInclusive<i32>),
    /// Unsigned numbers up to a limit (`proc_doulongvec_minmax`).
    Unsigned(&'static [u64], u64),
    /// One line of at most so many bytes (`proc_dostring`).
    Text(&'static str, usize),
    /// What nobody can change.
    Fixed(&'static str),
}

use Value::{Fixed, Ints, Text, Unsigned};

const ANY: RangeInclusive<i32> = i32::MIN..=i32::MAX;
const POSITIVE: RangeInclusive<i32> = 0..=i32::MAX;
const SWITCH: RangeInclusive<i32> = 0..=1;
/// `seccomp_actions_logged` at first.
const ACTIONS: &str = "kill_process kill_thread trap errno user_notif trace log";

/// Name, permission bits, value.
const FILES: &[(&str, u32, Value)] = &[
    ("acct", 0o644, Ints(&[4, 2, 30], ANY)),
    ("acpi_video_flags", 0o644, Unsigned(&[0], u64::MAX)),
    ("arch", 0o444, Fixed("x86_64")),
    ("auto_msgmni", 0o644, Ints(&[0], SWITCH)),
    ("bootloader_type", 0o444, Fixed("176")),
    ("bootloader_version", 0o444, Fixed("0")),
    ("bpf_stats_enabled", 0o644, Ints(&[0], SWITCH)),
    ("cad_pid", 0o600, Ints(&[1], POSITIVE)),
    ("cap_last_cap", 0o444, Fixed("40")),
    ("core_pattern", 0o644, Text("core", 127)),
    ("core_pipe_limit", 0o644, Ints(&[0], ANY)),
    ("core_uses_pid", 0o644, Ints(&[0], ANY)),
    ("ctrl-alt-del", 0o644, Ints(&[1], ANY)),
    ("ftrace_dump_on_oops", 0o644, Ints(&[0], ANY)),
    ("ftrace_enabled", 0o644, Ints(&[1], ANY)),
    ("hardlockup_all_cpu_backtrace", 0o644, Ints(&[0], SWITCH)),
    ("hardlockup_panic", 0o644, Ints(&[0], SWITCH)),
    ("hung_task_all_cpu_backtrace", 0o644, Ints(&[0], SWITCH)),
    ("hung_task_check_count", 0o644, Ints(&[4_194_304], POSITIVE)),
    ("hung_task_check_interval_secs", 0o644, Unsigned(&[0], i64::MAX as u64 / 250)),
    ("hung_task_panic", 0o644, Ints(&[0], SWITCH)),
    ("hung_task_timeout_secs", 0o644, Unsigned(&[120], i64::MAX as u64 / 250)),
    ("hung_task_warnings", 0o644, Ints(&[10], -1..=i32::MAX)),
    ("io_delay_type", 0o644, Ints(&[0], ANY)),
    ("kexec_load_disabled", 0o644, Ints(&[0], 1..=1)),
    ("max_lock_depth", 0o644, Ints(&[1024], ANY)),
    ("max_rcu_stall_to_panic", 0o644, Ints(&[0], 1..=i32::MAX)),
    ("msgmax", 0o644, Ints(&[8192], POSITIVE)),
    ("msgmnb", 0o644, Ints(&[16_384], POSITIVE)),
    ("msgmni", 0o644, Ints(&[32_000], 0..=32_768)),
    ("ngroups_max", 0o444, Fixed("65536")),
    ("nmi_watchdog", 0o644, Ints(&[0], SWITCH)),
    ("numa_balancing", 0o644, Ints(&[0], 0..=4)),
    ("numa_balancing_promote_rate_limit_MBps", 0o644, Ints(&[65_536], POSITIVE)),
    ("oops_all_cpu_backtrace", 0o644, Ints(&[0], SWITCH)),
    ("overflowgid", 0o644, Ints(&[65_534], 0..=65_535)),
    ("overflowuid", 0o644, Ints(&[65_534], 0..=65_535)),
    ("panic_on_io_nmi", 0o644, Ints(&[0], ANY)),
    ("panic_on_rcu_stall", 0o644, Ints(&[0], SWITCH)),
    ("panic_on_unrecovered_nmi", 0o644, Ints(&[0], ANY)),
    ("perf_cpu_time_max_percent", 0o644, Ints(&[25], 0..=100)),
    ("perf_event_max_contexts_per_stack", 0o644, Ints(&[8], 0..=1000)),
    ("perf_event_max_sample_rate", 0o644, Ints(&[100_000], 1..=i32::MAX)),
    ("perf_event_max_stack", 0o644, Ints(&[127], 0..=640)),
    ("perf_event_mlock_kb", 0o644, Ints(&[516], ANY)),
    ("perf_event_paranoid", 0o644, Ints(&[3], ANY)),
    ("pid_max", 0o644, Ints(&[32_768], 301..=4_194_304)),
    ("poweroff_cmd", 0o644, Text("/sbin/poweroff", 255)),
    ("print-fatal-signals", 0o644, Ints(&[0], ANY)),
    ("randomize_va_space", 0o644, Ints(&[2], ANY)),
    ("real-root-dev", 0o644, Ints(&[0], ANY)),
    ("sched_autogroup_enabled", 0o644, Ints(&[0], SWITCH)),
    ("sched_cfs_bandwidth_slice_us", 0o644, Ints(&[5000], 1..=i32::MAX)),
    ("sched_child_runs_first", 0o644, Ints(&[0], ANY)),
    ("sched_deadline_period_max_us", 0o644, Ints(&[4_194_304], POSITIVE)),
    ("sched_deadline_period_min_us", 0o644, Ints(&[100], POSITIVE)),
    ("sched_energy_aware", 0o644, Ints(&[1], SWITCH)),
    ("sched_rr_timeslice_ms", 0o644, Ints(&[100], ANY)),
    ("sched_rt_period_us", 0o644, Ints(&[1_000_000], 1..=i32::MAX)),
    ("sched_rt_runtime_us", 0o644, Ints(&[950_000], -1..=i32::MAX)),
    ("sched_schedstats", 0o644, Ints(&[0], SWITCH)),
    ("sem", 0o644, Ints(&[32_000, 1_024_000_000, 500, 32_000], ANY)),
    ("shm_rmid_forced", 0o644, Ints(&[0], SWITCH)),
    ("shmall", 0o644, Unsigned(&[18_446_744_073_692_774_399], u64::MAX)),
    ("shmmax", 0o644, Unsigned(&[18_446_744_073_692_774_399], u64::MAX)),
    ("shmmni", 0o644, Ints(&[4096], 0..=32_768)),
    ("soft_watchdog", 0o644, Ints(&[1], SWITCH)),
    ("softlockup_all_cpu_backtrace", 0o644, Ints(&[0], SWITCH)),
    ("split_lock_mitigate", 0o644, Ints(&[1], SWITCH)),
    ("stack_tracer_enabled", 0o644, Ints(&[0], ANY)),
    ("sysctl_writes_strict", 0o644, Ints(&[1], -1..=1)),
    ("sysrq", 0o644, Ints(&[438], ANY)),
    ("task_delayacct", 0o644, Ints(&[0], SWITCH)),
    ("threads-max", 0o644, Ints(&[5237], 1..=0x3fff_ffff)),
    ("timer_migration", 0o644, Ints(&[1], SWITCH)),
    ("traceoff_on_warning", 0o644, Ints(&[0], ANY)),
    ("tracepoint_printk", 0o644, Ints(&[0], ANY)),
    ("unknown_nmi_panic", 0o644, Ints(&[0], ANY)),
    ("unprivileged_bpf_disabled", 0o644, Ints(&[2], 0..=2)),
    ("unprivileged_userns_clone", 0o644, Ints(&[1], ANY)),
    ("watchdog", 0o644, Ints(&[1], SWITCH)),
    ("watchdog_cpumask", 0o644, Text("0-1", 255)),
    ("firmware_config/force_sysfs_fallback", 0o644, Ints(&[0], SWITCH)),
    ("firmware_config/ignore_sysfs_fallback", 0o644, Ints(&[0], SWITCH)),
    ("keys/gc_delay", 0o644, Ints(&[300], POSITIVE)),
    ("keys/maxbytes", 0o644, Ints(&[20_000], 1..=i32::MAX)),
    ("keys/maxkeys", 0o644, Ints(&[200], 1..=i32::MAX)),
    ("keys/persistent_keyring_expiry", 0o644, Ints(&[259_200], POSITIVE)),
    ("keys/root_maxbytes", 0o644, Ints(&[25_000_000], 1..=i32::MAX)),
    ("keys/root_maxkeys", 0o644, Ints(&[1_000_000], 1..=i32::MAX)),
    ("pty/max", 0o644, Ints(&[4096], 0..=1_048_576)),
    ("pty/reserve", 0o644, Ints(&[1024], 0..=1_048_576)),
    ("random/urandom_min_reseed_secs", 0o644, Ints(&[60], ANY)),
    ("random/write_wakeup_threshold", 0o644, Ints(&[256], ANY)),
    ("seccomp/actions_logged", 0o644, Text(ACTIONS, 255)),
    ("usermodehelper/bset", 0o600, Unsigned(&[4_294_967_295, 511], u32::MAX as u64)),
    ("usermodehelper/inheritable", 0o600, Unsigned(&[4_294_967_295, 511], u32::MAX as u64)),
    ("yama/ptrace_scope", 0o644, Ints(&[0], 0..=3)),
];

fn spec(mode: u32, value: &Value) -> Spec {
    match value {
        Ints(values, range) => {
            let var = |value: &i32| Arc::new(AtomicI32::new(*value)) as Arc<dyn IntVar>;
            ints(mode, values.iter().map(var).collect(), range.clone())
        }
        Unsigned(values, most) => {
            let var = |value: &u64| Arc::new(AtomicU64::new(*value)) as Arc<dyn UnsignedVar>;
            unsigned(mode, values.iter().map(var).collect(), *most)
        }
        Text(text, most) => string(mode, Arc::new(Mutex::new(text.as_bytes().to_vec())), *most),
        Fixed(text) => string(mode, Arc::new(Mutex::new(text.as_bytes().to_vec())), 0),
    }
}

/// Registers the files, for good.
///
/// # Errors
/// As [`Tree::add`].
pub(super) fn register(tree: &Tree) -> Result<(), Errno> {
    let root = tree.make_path("/proc/sys/kernel")?;
    for (name, mode, value) in FILES {
        let (dir, name) = match name.split_once('/') {
            Some((dir, name)) => (tree.make_path(&format!("/proc/sys/kernel/{dir}"))?, name),
            None => (root, *name),
        };
        tree.add(dir, name, spec(*mode, value))?.keep();
    }
    Ok(())
}
