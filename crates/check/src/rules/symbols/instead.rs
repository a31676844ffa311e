//! What to use in place of functions that modules cannot have, or that kernels have no more.

/// Names, and what to do instead.
const TABLE: &[(&[&str], &str)] = &[
    (
        &["find_module", "module_mutex", "modules"],
        "try_module_get keeps a module whose struct module is known, symbol_get(FUNCTION) gives a function of a module that \
         is loaded, request_module loads one; programs look into /sys/module",
    ),
    (
        &["kallsyms_lookup_name", "kallsyms_on_each_symbol"],
        "use the exported functions of the subsystem; to look only, register a kprobe by the symbol's name and read its .addr",
    ),
    (
        &["sys_call_table", "ia32_sys_call_table", "x64_sys_call"],
        "watch system calls with tracepoints (sys_enter, sys_exit), kprobes or ftrace instead of changing the table",
    ),
    (&["set_fs", "get_fs", "force_uaccess_begin"], "kernel_read and kernel_write take memory of the kernel"),
    (&["vfs_read", "vfs_write", "__vfs_read", "__vfs_write"], "use kernel_read and kernel_write"),
    (
        &[
            "sys_open",
            "sys_read",
            "sys_write",
            "sys_close",
            "__x64_sys_open",
            "__x64_sys_read",
            "ksys_read",
            "ksys_write",
        ],
        "use filp_open, kernel_read, kernel_write and filp_close; better: leave files to programs, or request_firmware",
    ),
    (&["do_gettimeofday", "current_kernel_time", "getnstimeofday"], "use ktime_get_real_ts64 or ktime_get"),
    (&["init_timer", "setup_timer", "init_timer_key_old"], "use timer_setup"),
    (&["create_proc_entry", "create_proc_read_entry"], "use proc_create with struct proc_ops, or proc_create_single"),
    (&["PDE_DATA"], "use pde_data"),
    (&["ioremap_nocache"], "use ioremap"),
    (&["kernel_thread", "daemonize"], "use kthread_run"),
    (
        &["kill_proc", "find_task_by_pid", "find_task_by_vpid"],
        "use pid_task(find_vpid(pid), PIDTYPE_PID) under rcu_read_lock, and send_sig",
    ),
    (&["tasklist_lock"], "hold rcu_read_lock while you walk for_each_process"),
    (
        &["set_memory_rw", "set_memory_ro", "set_memory_x", "set_memory_nx"],
        "the kernel protects its memory from modules; ftrace and livepatch change code",
    ),
    (&["strlcpy"], "use strscpy"),
    (&["del_timer", "del_timer_sync"], "use timer_delete and timer_delete_sync"),
    (&["register_sysctl_table"], "use register_sysctl"),
    (&["printk"], "the module was built for a kernel before 5.15: build it again"),
    (
        &["__class_create"],
        "the module was built for a kernel before 6.4: build it again (class_create takes the name alone)",
    ),
    (&["call_usermodehelper_setup_old", "sys_execve", "do_execve"], "use call_usermodehelper"),
    (&["access_process_vm"], "use get_user_pages_remote, or copy_from_user in the program's own call"),
];

/// What to use in place of a symbol, where a good answer is known.
pub fn of(name: &str) -> Option<&'static str> {
    TABLE.iter().find(|(names, _)| names.contains(&name)).map(|(_, instead)| *instead)
}

#[test]
fn no_name_stands_twice() {
    let mut names: Vec<&str> = TABLE.iter().flat_map(|(names, _)| names.iter().copied()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(of("find_module").is_some_and(|text| text.contains("symbol_get")));
    assert_eq!(of("kfree"), None);
}
