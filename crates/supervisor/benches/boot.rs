//! How long an instance takes to boot, answer one call and shut down. `cargo bench -p supervisor --bench boot`.

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};
use supervisor::{Calls, Config, Instance};

fn main() {
    let mut times: Vec<Duration> = (0..200).map(|_| once()).collect();
    times.sort_unstable();
    println!("boot, call, shutdown: median {:?}, fastest {:?}, slowest {:?}", times[100], times[0], times[199]);
}

fn once() -> Duration {
    let start = Instant::now();
    let config = Config { console: Box::new(|_| {}) };
    let instance = Instance::boot(config, common::kernel_main).expect("boot");
    instance.as_self().read_file("/proc/modules").expect("call");
    instance.shutdown().expect("shutdown");
    start.elapsed()
}
