//! /proc, /sys/module/X and /sys/kernel as lkm's areas fill them.

use super::*;
use crate::fs::module::{ModuleDir, ModuleFacts, ModuleView, Uevents, add_builtin, add_module, parse_uevent};
use crate::fs::proc::{DeviceNumbers, ModuleLine, ModuleList, ModuleState, ProcSources, Symbol, SymbolSource};
use crate::fs::sys::{KernelCounters, debugfs, register, tracefs};
use crate::fs::sysctl::IntVar;
use kabi::KResult;
use std::sync::atomic::AtomicI32;
use std::sync::{Arc, Mutex};
use wire::ROOT_PROC;

struct Fake;

fn module(name: &str, users: &[&str], state: ModuleState) -> ModuleLine {
    ModuleLine {
        name: name.into(),
        size: 16384,
        refcount: i64::try_from(users.len()).expect("few"),
        users: users.iter().map(|u| (*u).to_owned()).collect(),
        permanent: name == "stay",
        state,
        base: 0xffff_ffff_c03a_a000,
        taints: if name == "clean" { "" } else { "OE" }.into(),
    }
}

impl ModuleList for Fake {
    fn modules(&self) -> Vec<ModuleLine> {
        vec![
            module("jug", &[], ModuleState::Live),
            module("wellhead", &["jug", "bucket"], ModuleState::Live),
            module("stay", &[], ModuleState::Live),
            module("stay", &["x"], ModuleState::Going),
            module("stumble", &[], ModuleState::Coming),
            module("clean", &[], ModuleState::Coming),
        ]
    }
}

impl SymbolSource for Fake {
    fn symbols(&self, each: &mut dyn FnMut(Symbol<'_>)) {
        each(Symbol { address: 0, kind: 'A', name: "fixed_percpu_data", module: None });
        each(Symbol { address: 0xffff_ffff_8100_0000, kind: 'T', name: "_text", module: None });
        each(Symbol { address: 0xffff_ffff_c03a_0000, kind: 't', name: "got", module: Some("bucket") });
    }
}

impl DeviceNumbers for Fake {
    fn characters(&self) -> Vec<(u32, String)> {
        vec![(1, "mem".into()), (10, "misc".into()), (128, "ptm".into())]
    }
    fn blocks(&self) -> Vec<(u32, String)> {
        vec![(259, "blkext".into())]
    }
    fn misc(&self) -> Vec<(u32, String)> {
        vec![(125, "cpu_dma_latency".into()), (1, "psaux".into())]
    }
}

fn proc_tree(restrict: i32) -> Tree {
    let tree = Tree::new();
    let sources = ProcSources {
        modules: Arc::new(Fake),
        symbols: Arc::new(Fake),
        devices: Arc::new(Fake),
        kptr_restrict: Arc::new(AtomicI32::new(restrict)),
        version: "Linux version 6.1.0-56-amd64 (x) #1 SMP".into(),
        cmdline: "console=ttyS0 quiet ".into(),
    };
    sources.register(&tree).expect("registers");
    tree
}

#[test]
fn proc_modules() {
    let shown = "jug 16384 0 - Live 0xffffffffc03aa000 (OE)\n\
        wellhead 16384 2 jug,bucket, Live 0xffffffffc03aa000 (OE)\n\
        stay 16384 0 [permanent], Live 0xffffffffc03aa000 (OE)\n\
        stay 16384 1 x,[permanent], Unloading 0xffffffffc03aa000 (OE-)\n\
        stumble 16384 0 - Loading 0xffffffffc03aa000 (OE+)\n\
        clean 16384 0 - Loading 0xffffffffc03aa000\n";
    let hidden = shown.replace("ffffffffc03aa000", "0000000000000000");
    for (restrict, who, want) in
        [(0, root(), shown), (1, root(), shown), (2, root(), hidden.as_str()), (0, user(), hidden.as_str())]
    {
        assert_eq!(get(&proc_tree(restrict), &who, "/proc/modules"), Ok(want.to_owned()), "kptr_restrict {restrict}");
    }
}

#[test]
fn proc_kallsyms() {
    let tree = proc_tree(1);
    let shown = "0000000000000000 A fixed_percpu_data\nffffffff81000000 T _text\nffffffffc03a0000 t got\t[bucket]\n";
    assert_eq!(get(&tree, &root(), "/proc/kallsyms"), Ok(shown.into()));
    let hidden = "0000000000000000 A fixed_percpu_data\n0000000000000000 T _text\n0000000000000000 t got\t[bucket]\n";
    assert_eq!(get(&tree, &user(), "/proc/kallsyms"), Ok(hidden.into()));
}

#[test]
fn proc_texts() {
    let tree = proc_tree(0);
    for (name, want) in [
        ("version", "Linux version 6.1.0-56-amd64 (x) #1 SMP\n"),
        ("cmdline", "console=ttyS0 quiet \n"),
        ("devices", "Character devices:\n  1 mem\n 10 misc\n128 ptm\n\nBlock devices:\n259 blkext\n"),
        ("misc", "125 cpu_dma_latency\n  1 psaux\n"),
    ] {
        assert_eq!(get(&tree, &user(), &format!("/proc/{name}")), Ok(want.into()));
        assert_eq!(put(&tree, &root(), &format!("/proc/{name}"), b"zz"), Err(EIO), "{name}");
        let attr = lookup(&tree, &user(), ROOT_PROC, name).expect("there");
        assert_eq!((attr.mode, attr.size, attr.nlink), (0o444, 0, 1));
    }
}

/// A module whose uevents are kept.
#[derive(Default)]
struct View {
    events: Mutex<Vec<String>>,
    holders: Mutex<Vec<String>>,
}

impl ModuleView for View {
    fn state(&self) -> ModuleState {
        ModuleState::Live
    }
    fn refcount(&self) -> i64 {
        0
    }
    fn taints(&self) -> String {
        "OE".into()
    }
    fn core_size(&self) -> u64 {
        16384
    }
    fn init_size(&self) -> u64 {
        0
    }
    fn holders(&self) -> Vec<String> {
        self.holders.lock().expect("no panic").clone()
    }
}

impl Uevents for View {
    fn refused(&self, _why: &str) {}

    fn uevent(&self, action: &str, variables: &[(String, String)]) -> KResult {
        self.events.lock().expect("no panic").push(format!("{action} {variables:?}"));
        Ok(())
    }
}

fn facts() -> ModuleFacts {
    ModuleFacts {
        name: "stay".into(),
        version: Some("1.2".into()),
        srcversion: Some("DC89762BD8599E5E637BE12".into()),
        sections: vec![(".text".into(), 0xffff_ffff_c03a_a000), (".data".into(), 1)],
        notes: vec![(".note.Linux".into(), (0..60).collect())],
    }
}

fn stay(facts: &ModuleFacts, restrict: i32) -> (Tree, Arc<View>, ModuleDir) {
    let tree = Tree::new();
    let view = Arc::new(View::default());
    let knob: Arc<dyn IntVar> = Arc::new(AtomicI32::new(restrict));
    let dir = add_module(&tree, facts, &(Arc::clone(&view) as _), &knob).expect("registers");
    (tree, view, dir)
}

#[test]
fn a_module_directory_is_as_on_linux() {
    let (tree, _, dir) = stay(&facts(), 0);
    for (name, mode, content) in [
        ("coresize", 0o444, "16384\n"),
        ("initsize", 0o444, "0\n"),
        ("initstate", 0o444, "live\n"),
        ("refcnt", 0o444, "0\n"),
        ("srcversion", 0o444, "DC89762BD8599E5E637BE12\n"),
        ("taint", 0o444, "OE\n"),
        ("version", 0o444, "1.2\n"),
    ] {
        assert_eq!(get(&tree, &user(), &format!("/sys/module/stay/{name}")), Ok(content.into()));
        let attr = lookup(&tree, &user(), dir.id(), name).expect("there");
        assert_eq!((attr.mode, attr.size, attr.nlink), (mode, 4096, 1), "{name}");
        assert_eq!(put(&tree, &root(), &format!("/sys/module/stay/{name}"), b"1"), Err(EACCES), "{name}");
    }
    let want = ["coresize", "holders", "initsize", "initstate", "notes", "refcnt", "sections", "srcversion", "taint"];
    let all = names(&tree, dir.id());
    assert_eq!(all, [&want[..], &["uevent", "version"]].concat());
    assert_eq!(getattr(&tree, dir.id()).map(|a| (a.mode, a.nlink)), Ok((0o755, 5)));
    assert_eq!(dir.parameters(), dir.parameters());
    assert_eq!(getattr(&tree, dir.id()).map(|a| a.nlink), Ok(6), "with parameters/");
    drop(dir);
    assert_eq!(get(&tree, &root(), "/sys/module/stay/refcnt"), Err(ENOENT));
    let (tree, _, bare) = stay(&ModuleFacts { name: "bare".into(), ..ModuleFacts::default() }, 0);
    assert_eq!(names(&tree, bare.id()), ["coresize", "holders", "initsize", "initstate", "refcnt", "taint", "uevent"]);
}

#[test]
fn sections_and_notes() {
    let (tree, _, _dir) = stay(&facts(), 1);
    let path = "/sys/module/stay/sections/.text";
    assert_eq!(get(&tree, &root(), path), Ok("0xffffffffc03aa000\n".into()));
    assert_eq!(get(&tree, &user(), path), Err(EACCES));
    let sections = tree.make_path("/sys/module/stay/sections").expect("there");
    let attr = lookup(&tree, &root(), sections, ".text").expect("there");
    assert_eq!((attr.mode, attr.size), (0o400, 19));
    let h = open(&tree, &root(), attr.node, 0).expect("opens");
    assert_eq!(pread(&tree, h, 5, 0), Ok(b"0xfff".to_vec()));
    assert_eq!(pread(&tree, h, 100, 5), Err(EINVAL), "only in one piece");
    assert_eq!(pread(&tree, h, 100, 19), Ok(vec![]));
    assert_eq!(names(&tree, sections), [".data", ".text"]);
    let (tree, _, _dir) = stay(&facts(), 2);
    assert_eq!(get(&tree, &root(), path), Ok("0x0000000000000000\n".into()));
    let notes = tree.make_path("/sys/module/stay/notes").expect("there");
    let attr = lookup(&tree, &user(), notes, ".note.Linux").expect("there");
    assert_eq!((attr.mode, attr.size), (0o444, 60));
    let h = open(&tree, &user(), attr.node, 0).expect("opens");
    assert_eq!(poll(&tree, h, false), Ok(0x14f));
    assert_eq!(pread(&tree, h, 7, 5), Ok((5..12).collect()));
    assert_eq!(poll(&tree, h, false), Ok(0x145));
    assert_eq!(pread(&tree, h, 100, 12).map(|d| d.len()), Ok(48));
    assert_eq!(pread(&tree, h, 7, 1000), Ok(vec![]));
}

#[test]
fn two_sections_of_a_name_leave_none() {
    let mut twice = facts();
    twice.sections.push((".data".into(), 2));
    let (tree, _, dir) = stay(&twice, 0);
    for name in ["sections", "notes"] {
        assert_eq!(lookup(&tree, &root(), dir.id(), name), Err(ENOENT), "{name}");
    }
}

#[test]
fn holders_follow_the_users() {
    let (tree, view, dir) = stay(&facts(), 0);
    let holders = lookup(&tree, &root(), dir.id(), "holders").expect("there");
    assert!(names(&tree, holders.node).is_empty());
    *view.holders.lock().expect("no panic") = vec!["jug".into(), "bucket".into()];
    // kernfs sorts by its hash: recorded in acceptance/cases/11-exports
    assert_eq!(names(&tree, holders.node), ["bucket", "jug"]);
    let jug = lookup(&tree, &root(), holders.node, "jug").expect("there");
    assert_eq!((jug.mode, jug.size), (0o777, 0));
    assert_eq!(vfs(&tree, &root(), VfsCall::ReadLink { node: jug.node }), Ok(VfsReply::Link("../../jug".into())));
    assert_eq!(getattr(&tree, holders.node).map(|a| a.nlink), Ok(2));
    *view.holders.lock().expect("no panic") = vec![];
    assert_eq!(lookup(&tree, &root(), holders.node, "jug"), Err(ENOENT));
}

#[test]
fn uevents_can_be_asked_for() {
    let (tree, view, _dir) = stay(&facts(), 0);
    let path = "/sys/module/stay/uevent";
    // recorded on 6.1 and 6.12, with the events' variables
    let uuid = "fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed";
    for (data, want) in [
        ("add", Ok(3)),
        ("add\n", Ok(4)),
        ("remove", Ok(6)),
        ("bogus", Err(EINVAL)),
        ("", Ok(0)),
        ("add x", Err(EINVAL)),
        ("ADD", Err(EINVAL)),
        (&format!("change {uuid}"), Ok(43)),
        (&format!("change {uuid} A=1 B=abc\n"), Ok(54)),
        ("add\n\n", Err(EINVAL)),
        ("change ", Err(EINVAL)),
        (&format!("change {uuid} "), Err(EINVAL)),
        (&format!("change {uuid} =1"), Err(EINVAL)),
        (&format!("change {uuid} A="), Err(EINVAL)),
        (&format!("change {uuid} A"), Err(EINVAL)),
        (&format!("change {uuid} A=/"), Err(EINVAL)),
        (&format!("change {}", uuid.replace('-', "x")), Err(EINVAL)),
    ] {
        assert_eq!(put(&tree, &root(), path, data.as_bytes()), want, "{data:?}");
    }
    let nobody = r#"[("SYNTH_UUID", "0")]"#;
    let with = format!(r#"change [("SYNTH_UUID", "{uuid}"), ("SYNTH_ARG_A", "1"), ("SYNTH_ARG_B", "abc")]"#);
    let events = view.events.lock().expect("no panic").clone();
    assert_eq!(events.first(), Some(&format!("add {nobody}")));
    assert_eq!(events.get(2), Some(&format!("remove {nobody}")));
    assert_eq!(events.get(4..), Some(&[with][..]));
    assert_eq!(get(&tree, &root(), path), Err(EACCES));
    assert_eq!(parse_uevent(b"add \xff"), Err("incorrect uevent action arguments"));
    assert_eq!(parse_uevent(b"add\xff"), Err("unknown uevent action string"));
}

#[test]
fn built_in_modules_have_little() {
    let tree = Tree::new();
    let view: Arc<dyn Uevents> = Arc::new(View::default());
    let dir = add_builtin(&tree, "printk", &view).expect("registers");
    assert_eq!(add_builtin(&tree, "printk", &view).map(|_| ()).map_err(|e| e.0), Err(EEXIST));
    assert_eq!(names(&tree, dir.id()), ["uevent"]);
    tree.add(dir.parameters().expect("made"), "time", attribute_ro(0o644, |_| Ok(b"Y\n".to_vec())))
        .expect("added")
        .keep();
    assert_eq!(get(&tree, &user(), "/sys/module/printk/parameters/time"), Ok("Y\n".into()));
    let id = dir.keep();
    assert_eq!(names(&tree, id), ["parameters", "uevent"]);
}

struct Counters;

impl KernelCounters for Counters {
    fn uevents(&self) -> u64 {
        655
    }
    fn oopses(&self) -> u64 {
        1
    }
    fn warnings(&self) -> u64 {
        2
    }
}

#[test]
fn sys_kernel_and_the_other_directories() {
    let tree = Tree::new();
    register(&tree, &(Arc::new(Counters) as _), Some(vec![4, 0, 0, 0])).expect("registers");
    for (path, mode) in [
        ("/sys/module", 0o755),
        ("/sys/dev/char", 0o755),
        ("/sys/devices/virtual", 0o755),
        ("/sys/kernel", 0o755),
        ("/sys/kernel/debug", 0o700),
        ("/sys/kernel/tracing", 0o700),
    ] {
        assert_eq!(getattr(&tree, tree.make_path(path).expect("there")).map(|a| a.mode), Ok(mode), "{path}");
    }
    assert_eq!(get(&tree, &user(), "/sys/kernel/uevent_seqnum"), Ok("655\n".into()));
    assert_eq!(get(&tree, &user(), "/sys/kernel/oops_count"), Ok("1\n".into()));
    assert_eq!(get(&tree, &user(), "/sys/kernel/warn_count"), Ok("2\n".into()));
    assert_eq!(read_file(&tree, &user(), "/sys/kernel/notes"), Answer::Data(vec![4, 0, 0, 0]));
    for root_of in [debugfs, tracefs] {
        let id = root_of(&tree).expect("there");
        let file = tree.add(id, "f", text(0o444, || "f\n".into())).expect("added");
        let h = open(&tree, &root(), file.id(), 0).expect("opens");
        drop(file);
        assert_eq!(pread(&tree, h, 9, 0), Err(EIO), "debugfs rules below");
    }
}
