//! Runs a command inside an instance of the tests' mock kernel: to look around by hand.
//! `cargo run -p supervisor --example inside -- bash`

#[path = "../tests/common/mod.rs"]
mod common;

use supervisor::{Config, Instance, Program};

fn main() {
    let instance = Instance::boot(Config::stderr(), common::kernel_main).expect("boot");
    let command: Vec<_> = std::env::args_os().skip(1).collect();
    let no_faces = std::env::var_os("NO_FACES").is_some();
    let program = Program { command, no_faces, ..Program::default() };
    let status = match instance.run(&program) {
        Ok(exit) => exit.status(),
        Err(e) => {
            eprintln!("lkm: {e}");
            123
        }
    };
    drop(instance);
    std::process::exit(status);
}
