//! Damaged modules, thousands of them: each is refused with a cause or loads; none ends the process, hangs, or takes
//! much memory. Nothing of the modules runs. Needs Debian's 6.1 kernel image, its modules, gzip, xz and zstd.
//!
//! `cargo test -p kernel --test hostile` takes a sample, `-- --ignored` takes everything.
//! `HOSTILE_ONLY=text` runs only the cases whose name contains the text, and prints what becomes of each.

#[path = "hostile/cases.rs"]
mod cases;
#[path = "hostile/elf.rs"]
mod elf;
#[path = "hostile/guard.rs"]
mod guard;
#[path = "hostile/packed.rs"]
mod packed;

use cases::Case;
use guard::Guard;
use kernel::module::load::{LoadError, Request, place_only, probe};
use kernel::{Config, boot, module, sched};
use loader::Flags;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes that the load of one damaged file may take beyond those of the file: room for what it unpacks to.
const MOST_MEMORY: u64 = 256 << 20;

/// Modules with every kind of table, small enough to be loaded often.
const SMALL: [&str; 7] = [
    "lib/crc16.ko",
    "drivers/net/dummy.ko",
    "net/sched/act_mirred.ko",
    "lib/test_user_copy.ko",
    "drivers/char/ppdev.ko",
    "drivers/block/loop.ko",
    "net/core/pktgen.ko",
];
/// A large one.
const BIG: &str = "fs/btrfs/btrfs.ko";
/// What these need.
const NEEDED: [&str; 5] = [
    "drivers/parport/parport.ko",
    "crypto/xor.ko",
    "lib/raid6/raid6_pq.ko",
    "lib/zstd/zstd_compress.ko",
    "lib/libcrc32c.ko",
];

/// What became of the cases.
#[derive(Default)]
struct Tally {
    loaded: usize,
    refused: usize,
    failures: Vec<String>,
    /// The first case of each cause, in which numbers and names are left out.
    causes: BTreeMap<String, (usize, String)>,
}

fn request<'a>(file: &'a str, bytes: &'a [u8]) -> Request<'a> {
    Request { file, bytes, params: Ok(b""), flags: Flags(0), path: None }
}

/// The kernel with all that the samples need; gives the folder of the modules.
fn kernel() -> (sched::Task, String) {
    let options = abi::Options::default();
    let release = abi::newest("6.1", &options).expect("linux-image-amd64 (6.1) is installed");
    boot(Config::new(abi::Profile::for_release(&release, &options).unwrap())).unwrap();
    let task = sched::Task::attach().unwrap();
    let root = format!("/lib/modules/{release}/kernel");
    task.run(&wire::kernel_caller(), || {
        for name in NEEDED {
            let image = kofile::Image::open(format!("{root}/{name}")).unwrap();
            place_only(&request(name, image.bytes())).map_err(|e| format!("{name}: {e:?}")).unwrap();
        }
    });
    (task, root)
}

/// Everything that happens to a file until its code would run, and the questions that are then asked of it.
fn load(file: &str, bytes: &[u8]) -> Result<(), String> {
    let image = kofile::Image::from_bytes(file, bytes).map_err(|e| e.to_string())?;
    let text = |e| match e {
        LoadError::Refused(refusal) if refusal.log.is_empty() && refusal.detail.is_none() => {
            format!("no cause: {refusal}")
        }
        LoadError::Refused(refusal) => refusal.to_string(),
        LoadError::Died => "died".to_string(),
    };
    let request = request(file, image.bytes());
    probe(&request).map_err(text)?;
    // A library has neither init nor exit: it can stay for a moment, and be removed without running.
    let library = image.elf().is_ok_and(|e| e.section_by_name("__param").is_none())
        && image.module().is_ok_and(|m| m.this_module().is_ok_and(|t| t.init.is_none() && t.exit.is_none()));
    if library {
        place_only(&request).map_err(text)?;
        let placed = module::all().into_iter().next().ok_or("placed and not in the list")?;
        ask(&placed);
        let gone = module::unload::delete_module(placed.name(), 0o1000);
        gone.map_err(|e| format!("cannot be removed: {e:?}"))?;
    }
    Ok(())
}

/// What kallsyms, /sys/module and reports ask of a module.
fn ask(module: &module::Module) {
    let image = module.image();
    for symbol in image.symbols().take(1000) {
        image.symbol_at(symbol.addr);
    }
    for section in &image.sections {
        image.symbol_at(section.addr);
        image.symbol_at(section.addr.wrapping_add(section.size));
    }
    for addr in [0, image.core.addr(), image.init.addr(), u64::MAX] {
        image.symbol_at(addr);
        image.contains(addr);
    }
}

impl Tally {
    fn run(&mut self, task: &sched::Task, guard: &Guard, base: &[u8], cases: Vec<Case>) {
        let only = std::env::var("HOSTILE_ONLY").ok();
        for case in cases.into_iter().filter(|c| only.as_ref().is_none_or(|only| c.name.contains(only))) {
            let bytes = case.bytes(base);
            guard.enter(&case.name);
            let run = || task.run(&wire::kernel_caller(), || load(&case.name, &bytes));
            let result = catch_unwind(AssertUnwindSafe(run));
            let memory = guard.leave();
            if only.is_some() {
                println!("{}: {result:?}", case.name);
            }
            self.judge(&case, result.map_err(|_| ()), memory);
        }
    }

    fn judge(&mut self, case: &Case, result: Result<Result<(), String>, ()>, memory: u64) {
        if memory > MOST_MEMORY {
            self.failures.push(format!("{}: took {} MiB", case.name, memory >> 20));
        }
        match result {
            Ok(Ok(())) if case.must_fail => self.failures.push(format!("{}: loaded", case.name)),
            Ok(Ok(())) => self.loaded += 1,
            Ok(Err(text)) if text.starts_with("no cause") || text == "died" => {
                self.failures.push(format!("{}: {text}", case.name));
            }
            Ok(Err(text)) => {
                self.refused += 1;
                let cause = cause(&text.replace(&case.name, "FILE"));
                self.causes.entry(cause).or_insert_with(|| (0, format!("{}: {text}", case.name))).0 += 1;
            }
            Err(()) => self.failures.push(format!("{}: panicked", case.name)),
        }
    }

    fn finish(self) {
        println!("{} loaded, {} refused, {} failed", self.loaded, self.refused, self.failures.len());
        for (count, example) in self.causes.values() {
            println!("{count:6}  {}", example.chars().take(300).collect::<String>());
        }
        let count = self.failures.len();
        assert!(count == 0, "{count} failures:\n{}", self.failures[..count.min(40)].join("\n"));
        assert!(self.loaded > 0 && self.refused > 0, "every file ended in the same way: nothing was tested");
    }
}

/// A message without its numbers, so that like causes are counted together.
fn cause(text: &str) -> String {
    let words = text.split(' ').filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ").chars().take(160).collect()
}

/// Every `step`-th of the cases.
fn thin(cases: Vec<Case>, step: usize) -> Vec<Case> {
    let keep = |(i, case): &(usize, Case)| i % step == 0 || case.must_fail || case.name.ends_with("one long name");
    cases.into_iter().enumerate().filter(keep).map(|(_, case)| case).collect()
}

fn open(root: &str, name: &str) -> Vec<u8> {
    kofile::Image::open(format!("{root}/{name}")).unwrap().into_bytes()
}

fn sweep(small_step: usize, big_step: usize, random: usize) {
    let (task, root) = kernel();
    let guard = Guard::watch();
    let mut tally = Tally::default();
    for (name, step) in SMALL.iter().map(|name| (*name, small_step)).chain([(BIG, big_step)]) {
        let bytes = open(&root, name);
        let mut cases = thin(cases::all(name, &bytes), step);
        if step == small_step {
            cases.extend(cases::random(name, &bytes, random));
        }
        tally.run(&task, &guard, &bytes, cases);
    }
    for name in [SMALL[0], SMALL[6]] {
        tally.run(&task, &guard, &[], thin(packed::all(name, &open(&root, name)), small_step.div_ceil(4)));
    }
    tally.finish();
}

#[test]
fn a_sample_of_damaged_modules_is_refused_or_loads() {
    sweep(23, 4001, 300);
}

#[test]
#[ignore = "takes minutes: every damage to every sample"]
fn every_damaged_module_is_refused_or_loads() {
    sweep(1, 37, 20_000);
}
