//! Where the time of `lkm run hello.ko` goes: the same steps through the libraries, each timed, in a fresh process.

use crate::run::millis;
use crate::stats::Row;
use crate::{Bench, fresh_rounds, print_sample};
use std::fs::File;
use std::os::fd::AsFd;
use std::time::Instant;
use supervisor::{Calls, Config, Instance};

const GROUP: &str = "phases: where the time of a run goes";

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let file = bench.modules.hello.to_str().ok_or("the module's path is no text")?;
    let samples = fresh_rounds(bench.rounds(51), &["phases", file])?;
    Ok(samples.iter().map(|(name, samples)| samples.row(GROUP, name, "ms")).collect())
}

/// One run, step by step.
pub fn sample(file: &str) -> Result<(), String> {
    let begin = Instant::now();
    let mut last = begin;
    let mut steps: Vec<(&str, f64)> = Vec::new();
    let mut step = |name| {
        let now = Instant::now();
        steps.push((name, millis(now - last)));
        last = now;
    };
    let image = kofile::Image::open(file).map_err(|e| e.to_string())?;
    let module = image.module().map_err(|e| e.to_string())?;
    let info = module.modinfo();
    let release = info.release().ok_or("the module names no release")?.to_string();
    step("read and parse the file");
    let profile = abi::Profile::for_release(&release, &abi::Options::default()).map_err(|e| e.to_string())?;
    step("open the profile");
    let config = kernel::Config::new(profile);
    step("count the CPUs");
    let console = Config { console: Box::new(|_| {}) };
    let instance = Instance::boot(console, move |conn| kernel::main(conn, config)).map_err(|e| e.to_string())?;
    step("fork the kernel process");
    let kernel = instance.as_self();
    // SYSLOG_ACTION_SIZE_BUFFER: the cheapest call; the answer comes when the kernel has booted.
    kernel.syslog(10, 0).map_err(|e| e.to_string())?;
    step("its boot, to the first answer");
    kernel.syslog(10, 0).map_err(|e| e.to_string())?;
    step("a call that does nothing");
    let opened = File::open(file).map_err(|e| e.to_string())?;
    kernel.init_module(opened.as_fd(), b"", 0, Some(file)).map_err(|e| e.to_string())?;
    step("init_module");
    kernel.delete_module(b"hello", 0o4000).map_err(|e| e.to_string())?;
    step("delete_module");
    kernel.report().map_err(|e| e.to_string())?;
    step("report");
    instance.shutdown().map_err(|e| e.to_string())?;
    step("shutdown, to the end of the process");
    steps.push(("all, without the program's own start and end", millis(begin.elapsed())));
    print_sample(&steps)
}
