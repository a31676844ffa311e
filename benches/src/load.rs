//! Loading without running: hello, btrfs and amdgpu, per relocation, and by the loader's phases.
//!
//! Each sample is a kernel of its own in a fresh process, where the dependencies are loaded first and do not count.

use crate::modules::of_distribution;
use crate::run::millis;
use crate::stats::{Row, Samples};
use crate::{Bench, fresh, print_sample};
use kernel::module::load::{LoadError, Request, place_only};
use kernel::{Config, boot, module, sched};
use loader::resolve::Importer;
use loader::signature::{self, Authority};
use loader::{Flags, Found, Identity, Image, Owner, Refusal, Resolver};
use loader::{check, patch, place, protect, relocate, resolve, validity};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The three, small to large.
const NAMES: [&str; 3] = ["hello", "btrfs", "amdgpu"];
const TOTAL: &str = "load";
const RELOCATIONS: &str = "relocations";

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let mut out = Vec::new();
    let mut whole: Vec<Vec<(String, f64)>> = Vec::new();
    let mut split = whole.clone();
    let rounds = bench.rounds(21);
    let file = |name: &'static str| match name {
        "hello" => bench.modules.hello.to_str().unwrap_or_default(),
        other => other,
    };
    for round in 0..=rounds {
        for name in NAMES {
            let new = fresh(&["load", &bench.modules.release, file(name)])?;
            let parts = fresh(&["split", &bench.modules.release, file(name)])?;
            if round > 0 {
                whole.push(new.into_iter().map(|(what, value)| (format!("{name}: {what}"), value)).collect());
                split.push(parts.into_iter().map(|(what, value)| (format!("{name}: {what}"), value)).collect());
            }
        }
    }
    for (group, samples) in [("load: read, place, relocate, protect", whole), ("load: by phase", split)] {
        out.extend(rows(group, &samples.concat()));
    }
    Ok(out)
}

/// Rows from named numbers, in the order in which the names first come.
fn rows(group: &str, numbers: &[(String, f64)]) -> Vec<Row> {
    let mut names: Vec<&str> = Vec::new();
    let mut samples: HashMap<&str, Samples> = HashMap::new();
    for (name, value) in numbers {
        if !samples.contains_key(name.as_str()) {
            names.push(name);
        }
        samples.entry(name).or_default().0.push(*value);
    }
    let unit = |name: &str| match name {
        _ if name.ends_with("per relocation") => "ns",
        _ if name.ends_with(RELOCATIONS) => "count",
        _ => "ms",
    };
    let mut rows: Vec<Row> = names.iter().filter_map(|n| Some(samples.get(n)?.row(group, n, unit(n)))).collect();
    rows.sort_by_key(|row| NAMES.iter().position(|n| row.name.starts_with(n)));
    rows
}

fn find(release: &str, name: &str) -> Result<(PathBuf, Vec<PathBuf>), String> {
    if name.contains('/') { Ok((name.into(), Vec::new())) } else { of_distribution(release, name) }
}

/// Boots a kernel in this process and does `work` as a task of it, after the dependencies are loaded.
fn in_kernel<R>(release: &str, needs: &[PathBuf], work: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    let profile = abi::Profile::for_release(release, &abi::Options::default()).map_err(|e| e.to_string())?;
    boot(Config::new(profile))?;
    let task = sched::Task::attach().map_err(|e| e.to_string())?;
    task.run(&wire::kernel_caller(), || {
        for path in needs {
            load(path)?;
        }
        work()
    })
}

fn load(path: &Path) -> Result<usize, String> {
    let name = path.to_string_lossy();
    let image = kofile::Image::open(path).map_err(|e| e.to_string())?;
    let request = Request { file: &name, bytes: image.bytes(), params: Ok(b""), flags: Flags(0), path: None };
    place_only(&request).map_err(|e| match e {
        LoadError::Refused(refusal) => format!("{name}: {refusal}"),
        LoadError::Died => format!("{name}: died"),
    })
}

/// One load, as a whole.
pub fn sample(release: &str, name: &str) -> Result<(), String> {
    let (file, needs) = find(release, name)?;
    let (time, relocations) = in_kernel(release, &needs, || {
        let start = Instant::now();
        load(&file).map(|relocations| (start.elapsed(), relocations))
    })?;
    let each = time.as_secs_f64() * 1e9 / relocations.max(1) as f64;
    print_sample(&[(TOTAL, millis(time)), (RELOCATIONS, relocations as f64), ("per relocation", each)])
}

/// Where symbols are looked for: in the kernel, then in the modules, as the kernel's own loader does.
struct Everything;

impl Resolver for Everything {
    fn find(&mut self, name: &str) -> Result<Option<Found>, Refusal> {
        if let Some(found) = module::symbols::find(name)? {
            return Ok(Some(found));
        }
        let found = module::all().into_iter().find_map(|m| m.exports.get(name).map(|e| (m.id, e.clone())));
        Ok(found.map(|(id, e)| Found {
            value: e.value,
            crc: e.crc,
            gpl_only: e.gpl_only,
            namespace: e.namespace,
            owner: Owner::Module(id),
            proprietary: None,
        }))
    }
}

/// One load, phase by phase.
pub fn sample_split(release: &str, name: &str) -> Result<(), String> {
    let (file, needs) = find(release, name)?;
    let steps = in_kernel(release, &needs, || split(&file).map_err(|e| format!("{}: {e}", file.display())))?;
    print_sample(&steps)
}

fn split(file: &Path) -> Result<Vec<(&'static str, f64)>, String> {
    let mut last = Instant::now();
    let mut steps = Vec::new();
    let mut step = |name| {
        let now = Instant::now();
        steps.push((name, millis(now - last)));
        last = Instant::now();
    };
    let refused = |e: Refusal| e.to_string();
    let unread = |e: kofile::Error| e.to_string();
    let image = kofile::Image::open(file).map_err(unread)?;
    step("read");
    let name = file.to_string_lossy();
    let authority = Authority { kernel: Some(kabi::profile()), enforced: false };
    let signed = signature::check(image.bytes(), Flags(0), authority).map_err(refused)?;
    step("verify");
    let sound = validity::check(signed.contents).map_err(refused)?;
    let parsed = kofile::Module::of_elf(kofile::Elf::parse(&name, &sound.bytes).map_err(unread)?);
    let identity = Identity::read(&parsed, sound.name, signed.good).map_err(refused)?;
    let crcs = check::crcs(&parsed, Flags(0)).map_err(refused)?;
    let elf = parsed.elf();
    let symbols = elf.symbols().map_err(unread)?;
    step("parse");
    let percpu = place::percpu_section(elf).map(|s| kernel::percpu::alloc(s.size, s.align)).transpose();
    let percpu = percpu.map_err(|e| e.to_string())?.unwrap_or(0);
    let mut layout = place::place(elf, percpu).map_err(refused)?;
    step("place");
    let importer = Importer { identity: &identity, crcs: crcs.as_ref(), proprietary: false };
    let resolved = resolve::resolve(elf, &symbols, &layout, &importer, &mut Everything).map_err(refused)?;
    step("resolve");
    let count = relocate::relocate(elf, &mut layout, &resolved.values, &identity.name).map_err(refused)?;
    step("relocate");
    patch::patch(elf, &mut layout);
    step("patch");
    protect::before_init(&layout).map_err(refused)?;
    step("protect");
    let kept = Image::new(elf, &symbols, layout, &resolved.values, count);
    step("keep symbols");
    drop(kept);
    Ok(steps)
}
