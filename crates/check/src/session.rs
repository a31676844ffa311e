//! Several modules together: each is checked, and what one exports another may need.

use crate::finding::{Finding, Kind, Place};
use crate::kernel::Kernel;
use crate::model::{Model, spot_of};
use crate::rules::{self, Subject, refusal, symbols};
use kofile::{Image, Machine, Module, SymbolBinding, SymbolKind};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A file to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The file.
    pub path: PathBuf,
    /// What it is called in what is told.
    pub shown: String,
}

/// What was found in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The file.
    pub file: String,
    /// The module's name; empty if it cannot be read.
    pub module: String,
    /// All findings, by line.
    pub findings: Vec<Finding>,
}

/// What was found in all files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Each file, in the order they were given.
    pub files: Vec<Checked>,
    /// The modules that need each other, in the order in which they load.
    pub order: Vec<String>,
}

/// An export of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// For modules with a GPL-compatible licence only.
    pub gpl: bool,
    /// The namespace that must be imported; empty for none.
    pub namespace: String,
    /// Its version.
    pub crc: Option<u32>,
}

/// What is known of the modules, by their numbers.
#[derive(Debug, Default)]
struct Contents {
    names: Vec<String>,
    exports: HashMap<String, Vec<(usize, Exported)>>,
}

/// All modules that are looked at together. Nothing of them is read before somebody misses a symbol.
#[derive(Debug, Default)]
pub struct World {
    inputs: Vec<Input>,
    contents: OnceLock<Contents>,
    /// What each defines for other files to see.
    globals: Vec<OnceLock<BTreeSet<String>>>,
}

impl World {
    fn new(inputs: Vec<Input>) -> Self {
        let globals = inputs.iter().map(|_| OnceLock::new()).collect();
        Self { inputs, contents: OnceLock::new(), globals }
    }

    fn contents(&self) -> &Contents {
        self.contents.get_or_init(|| {
            let mut contents = Contents::default();
            let all = in_parallel(&self.inputs, |_, input| exports(input));
            for (number, (name, exports)) in all.into_iter().enumerate() {
                contents.names.push(name);
                for (symbol, exported) in exports {
                    contents.exports.entry(symbol).or_default().push((number, exported));
                }
            }
            contents
        })
    }

    /// The module beside `number` that exports a symbol.
    pub fn exporter(&self, symbol: &str, number: usize) -> Option<(usize, &Exported)> {
        let all = self.contents().exports.get(symbol)?;
        all.iter().find(|(owner, _)| *owner != number).map(|(owner, exported)| (*owner, exported))
    }

    /// The module beside `number` that defines a symbol without exporting it, and where.
    pub fn definer(&self, symbol: &str, number: usize) -> Option<(usize, Place)> {
        let others = self.inputs.iter().zip(&self.globals).enumerate().filter(|(owner, _)| *owner != number);
        let mut having = others.filter(|(_, (input, names))| names.get_or_init(|| globals(input)).contains(symbol));
        let (owner, (input, _)) = having.next()?;
        Some((owner, definition(input, symbol)))
    }

    /// Name of a module and of its file.
    pub fn names(&self, number: usize) -> (&str, String) {
        let name = self.contents().names.get(number).map_or("", String::as_str);
        let file = self.inputs.get(number).and_then(|input| input.path.file_name()).unwrap_or_default();
        (name, file.to_string_lossy().into_owned())
    }
}

/// A module's name, and what it exports.
fn exports(input: &Input) -> (String, Vec<(String, Exported)>) {
    let mut name = stem(&input.path);
    let mut exports = Vec::new();
    if let Ok(image) = Image::open(&input.path)
        && let Ok(module) = image.module()
    {
        if let Ok(this) = module.this_module() {
            name = this.name.to_string();
        }
        for export in module.exports().unwrap_or_default() {
            let namespace = export.namespace.map(|namespace| namespace.to_string()).unwrap_or_default();
            exports.push((export.name.to_string(), Exported { gpl: export.gpl_only, namespace, crc: export.crc }));
        }
    }
    (name, exports)
}

/// What a module defines for other files to see.
fn globals(input: &Input) -> BTreeSet<String> {
    let Ok(image) = Image::open(&input.path) else { return BTreeSet::new() };
    let Ok(symbols) = image.elf().and_then(|elf| elf.symbols()) else { return BTreeSet::new() };
    let seen = symbols.iter().filter(|symbol| {
        symbol.binding == SymbolBinding::Global
            && spot_of(symbol).is_some()
            && matches!(symbol.kind, SymbolKind::Func | SymbolKind::Object)
            && !matches!(symbol.name().to_str(), Some("init_module" | "cleanup_module" | "__this_module"))
    });
    seen.map(|symbol| symbol.name().to_string()).collect()
}

/// Where a module defines a symbol.
fn definition(input: &Input, symbol: &str) -> Place {
    let unknown = Place { file: input.shown.clone(), line: None, symbol: Some(symbol.to_owned()) };
    let Ok(image) = Image::open(&input.path) else { return unknown };
    let Ok(module) = image.module() else { return unknown };
    let Ok(model) = Model::new(module.elf()) else { return unknown };
    let folder = folder(&input.path);
    let subject = Subject::new(&input.shown, &folder, &module, &model, None);
    let spot = model.symbols.by_name(symbol).and_then(|symbol| spot_of(&symbol));
    spot.map_or(unknown, |spot| subject.definition(spot))
}

/// What `of` gives for each input, with as many threads as there are processors.
fn in_parallel<T: Send>(inputs: &[Input], of: impl Fn(usize, &Input) -> T + Sync) -> Vec<T> {
    let results: Mutex<Vec<Option<T>>> = Mutex::new(inputs.iter().map(|_| None).collect());
    let next = AtomicUsize::new(0);
    let work = || {
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(input) = inputs.get(number)
        {
            let result = of(number, input);
            if let Some(place) = results.lock().unwrap_or_else(PoisonError::into_inner).get_mut(number) {
                *place = Some(result);
            }
        }
    };
    match std::thread::available_parallelism().map_or(1, usize::from).min(inputs.len()) {
        0 | 1 => work(),
        threads => std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work)))),
    }
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
}

/// The folder of a file, as a compiler would name it.
fn folder(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::canonicalize(folder).map_or_else(|_| String::new(), |folder| folder.to_string_lossy().into_owned())
}

/// The name that a module's file gives it.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
    name.split('.').next().unwrap_or_default().to_owned()
}

/// Checks files against a kernel; `beside` are further modules that they may need.
pub fn check(inputs: &[Input], beside: &[Input], kernel: Option<&Kernel>) -> Outcome {
    let world = World::new(inputs.iter().chain(beside).cloned().collect());
    let results = in_parallel(inputs, |number, input| one(input, number, &world, kernel));
    let (files, needs): (Vec<Checked>, Vec<BTreeSet<usize>>) = results.into_iter().unzip();
    Outcome { order: order(&needs, &world), files }
}

fn one(input: &Input, number: usize, world: &World, kernel: Option<&Kernel>) -> (Checked, BTreeSet<usize>) {
    let mut checked = Checked { file: input.shown.clone(), module: String::new(), findings: Vec::new() };
    let mut needs = BTreeSet::new();
    match Image::open(&input.path) {
        Ok(image) => {
            checked.module = bytes(input, image.bytes(), number, world, kernel, &mut checked.findings, &mut needs)
        }
        Err(error) => checked.findings.push(damaged(input, &error)),
    }
    checked.findings.sort_by(|a, b| (&a.place, a.kind, &a.what).cmp(&(&b.place, b.kind, &b.what)));
    (checked, needs)
}

/// Checks a file's bytes; gives the module's name.
fn bytes(
    input: &Input,
    bytes: &[u8],
    number: usize,
    world: &World,
    kernel: Option<&Kernel>,
    findings: &mut Vec<Finding>,
    needs: &mut BTreeSet<usize>,
) -> String {
    findings.extend(kernel.and_then(|kernel| refusal::find(&input.shown, bytes, kernel)));
    let module = Module::parse(&input.shown, bytes);
    let model = module
        .as_ref()
        .map_err(ToString::to_string)
        .and_then(|module| Model::new(module.elf()).map_err(|e| e.to_string()));
    let (Ok(module), Ok(model)) = (&module, &model) else {
        // The kernel's own words say it better.
        if findings.is_empty() {
            let error = model.err().unwrap_or_default();
            let own = format!("{}: ", input.shown);
            let what = format!("the file is damaged: {}", error.strip_prefix(&own).unwrap_or(&error));
            findings.push(Finding::new(Kind::Refused, whole(input), what));
        }
        return String::new();
    };
    if module.elf().machine() != Machine::X86_64 {
        let what = format!("built for {:?}: its code was not looked at", module.elf().machine());
        findings.push(Finding::new(Kind::NotChecked, whole(input), what));
        return module_name(module);
    }
    let folder = folder(&input.path);
    let subject = Subject::new(&input.shown, &folder, module, model, kernel);
    findings.extend(rules::alone(&subject));
    if let Some(kernel) = kernel {
        let imports = symbols::find(&subject, kernel, world, number);
        findings.extend(imports.findings);
        *needs = imports.needs;
    }
    module_name(module)
}

fn module_name(module: &Module<'_>) -> String {
    module.this_module().map_or_else(|_| String::new(), |this| this.name.to_string())
}

fn whole(input: &Input) -> Place {
    Place { file: input.shown.clone(), line: None, symbol: None }
}

fn damaged(input: &Input, error: &kofile::Error) -> Finding {
    let own = format!("{}: ", input.path.display());
    let text = error.to_string();
    let what = format!("the file cannot be read: {}", text.strip_prefix(&own).unwrap_or(&text));
    Finding { errno: Some(error.errno()), ..Finding::new(Kind::Refused, whole(input), what) }
}

/// The modules that need others or are needed, those first that others need.
fn order(needs: &[BTreeSet<usize>], world: &World) -> Vec<String> {
    let mut order: Vec<usize> = Vec::new();
    let mut seen = BTreeSet::new();
    // What is still to be done: a module, and whether those that it needs are in their place.
    let mut todo: Vec<(usize, bool)> = needs
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, needs)| !needs.is_empty())
        .map(|(number, _)| (number, false))
        .collect();
    while let Some((number, is_ready)) = todo.pop() {
        if is_ready {
            order.push(number);
        } else if seen.insert(number) {
            todo.push((number, true));
            todo.extend(needs.get(number).into_iter().flatten().rev().map(|needed| (*needed, false)));
        }
    }
    order.into_iter().map(|number| world.names(number).0.to_owned()).collect()
}

/// What is wrong with a module whose file is read already, by itself.
pub fn check_bytes(shown: &str, contents: &[u8], kernel: Option<&Kernel>) -> Vec<Finding> {
    let input = Input { path: PathBuf::from(shown), shown: shown.to_owned() };
    let (mut findings, mut needs) = (Vec::new(), BTreeSet::new());
    bytes(&input, contents, 0, &World::default(), kernel, &mut findings, &mut needs);
    findings
}

/// What is said of symbols that a module misses: for a load that was refused.
pub fn missing_symbols(input: &Input, beside: &[Input], kernel: &Kernel) -> Vec<Finding> {
    let outcome = check(std::slice::from_ref(input), beside, Some(kernel));
    let all = outcome.files.into_iter().flat_map(|file| file.findings);
    all.filter(|finding| finding.kind == Kind::Symbol).collect()
}
