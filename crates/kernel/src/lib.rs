//! lkm's user-space kernel: what loaded modules believe to be Linux.
//!
//! It is laid out by Linux's own names. A module is loaded by `module`, its calls arrive in the functions marked
//! `#[kexport]` all over the crate, its faults in `fault`, its messages in `printk`. The kernel process runs [`main`]:
//! it locks itself into a sandbox, boots, and answers the supervisor's calls until it is told to end.
#![deny(unsafe_code)]

pub mod base;
pub mod borrow;
mod builtin_params;
pub mod chrdev;
pub mod cmdline;
pub mod cpu;
pub mod crypto;
pub mod debugfs;
pub mod dma;
pub mod env;
pub mod exports;
pub mod fault;
pub mod files;
pub mod fpu;
pub mod fs;
pub mod init;
pub mod jump_label;
pub mod klib;
pub mod kprobes;
pub mod livepatch;
pub mod locking;
pub mod log;
pub mod mm;
pub mod module;
pub mod notifier;
pub mod oops;
pub mod paravirt;
pub mod percpu;
pub mod personality24;
pub mod printk;
pub mod proc_fs;
pub mod random;
pub mod rcu;
mod report;
pub mod sched;
mod server;
pub mod softirq;
pub mod static_call;
pub mod time;
pub mod trace;
pub mod umh;
pub mod vfs;
pub mod workqueue;

use abi::Profile;
use std::convert::Infallible;
use std::time::Duration;
use wire::Conn;

/// How the kernel boots.
#[derive(Debug)]
pub struct Config {
    /// The kernel that it is.
    pub profile: Profile,
    /// Virtual CPUs (`nr_cpu_ids`).
    pub cpus: usize,
    /// The command line ([`cmdline`]).
    pub cmdline: String,
    /// How long a task may run module code without giving way before that is a soft lockup.
    pub softlockup: Duration,
    /// 2.4's module system in place of the present one ([`personality24`]).
    pub personality24: bool,
    /// How much is watched of what modules do with memory.
    pub check: mm::check::Mode,
}

impl Config {
    /// A kernel of this profile as Debian boots it, with the host's number of CPUs.
    pub fn new(profile: Profile) -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        // watchdog_thresh is 10 s; a lockup is reported after twice that.
        Self {
            profile,
            cpus,
            cmdline: String::new(),
            softlockup: Duration::from_secs(20),
            personality24: false,
            check: mm::check::Mode::default(),
        }
    }
}

/// The kernel process: never returns, never lets module code run outside of the sandbox.
pub fn main(conn: Conn, config: Config) -> Infallible {
    // Calls come in bursts from many programs: memory that a burst needed shall serve the next one, on any thread.
    sys::process::share_heaps();
    let server = match server::Server::new(conn) {
        Ok(server) => server,
        Err(e) => server::die(&format!("the connection to the supervisor: {e}")),
    };
    // Standard error is gone in the sandbox: a panic of ours is told through the connection.
    std::panic::set_hook(Box::new(|info| server::bug(&info.to_string())));
    mm::guard::prepare(config.check);
    if let Err(e) = sys::sandbox::lock_down(&server.descriptors()) {
        server::bug(&format!("cannot lock the kernel process into its sandbox: {e}"));
    }
    if let Err(e) = boot(config) {
        server::bug(&format!("boot: {e}"));
    }
    server.serve()
}

/// Makes this process the kernel of the profile: machine, per-CPU variables, symbols, log.
///
/// # Errors
/// What could not be set up.
pub fn boot(config: Config) -> Result<(), String> {
    let machine = machine::Config {
        cpus: config.cpus,
        percpu_size: percpu::AREA_SIZE,
        on_trap: fault::on_trap,
        on_bug: server::bug,
    };
    machine::boot(machine).map_err(|e| e.to_string())?;
    kabi::set_profile(config.profile);
    kabi::set_oops_hook(fault::on_bad_call);
    let percpu = percpu::boot().map_err(|e| e.to_string())?;
    module::symbols::boot(percpu);
    log::boot(&cmdline::remember(&config.cmdline));
    cmdline::obey();
    personality24::boot(config.personality24);
    mm::check::set_mode(config.check);
    mm::exact::boot();
    mm::guard::prepare(config.check);
    mm::slab::boot();
    fault::boot(config.softlockup);
    Ok(())
}
