//! `insmod` of modutils: links a module against the running kernel and hands it the image. Counterpart: insmod/insmod.c of
//! modutils 2.4.27; insmod(8).
//!
//! DIFFERS: no configuration file; a bare name is looked for in `$MODPATH` and /lib/modules/RELEASE. Persistent data (`-e`) and
//! kallsyms (`-S`) are refused.

use super::kernel::{Failed, Kernel, Module, Symbol as KernelSymbol};
use super::object::{Object, Patch, Place, Target};
use super::versions::{self, Compare};
use super::{Messages, link, params};
use crate::Invocation;
use crate::error::Failure;
use crate::getopt::{Arg, Opt, Parser, Spec};
use kofile::{Elf, Modinfo};
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use wire::legacy::{REF_LEN, flag, header};

const SPEC: Spec = Spec {
    short: "fhkLmnpqrsSvVxXyYe:o:O:P:",
    long: &[
        ("force", Arg::No, 'f'),
        ("help", Arg::No, 'h'),
        ("autoclean", Arg::No, 'k'),
        ("lock", Arg::No, 'L'),
        ("map", Arg::No, 'm'),
        ("noload", Arg::No, 'n'),
        ("probe", Arg::No, 'p'),
        ("poll", Arg::No, 'p'),
        ("quiet", Arg::No, 'q'),
        ("root", Arg::No, 'r'),
        ("syslog", Arg::No, 's'),
        ("kallsyms", Arg::No, 'S'),
        ("verbose", Arg::No, 'v'),
        ("version", Arg::No, 'V'),
        ("noexport", Arg::No, 'x'),
        ("export", Arg::No, 'X'),
        ("noksymoops", Arg::No, 'y'),
        ("ksymoops", Arg::No, 'Y'),
        ("persist", Arg::Required, 'e'),
        ("name", Arg::Required, 'o'),
        ("blob", Arg::Required, 'O'),
        ("prefix", Arg::Required, 'P'),
    ],
};

const USAGE: &str = "\
Usage:
insmod [-fhkLmnpqrsvVxXyY] [-o module_name] [-O blob_name] [-P prefix] module [ symbol=value ... ]

  module                Name of a loadable kernel module ('.o' can be omitted)
  -f, --force           Force loading under wrong kernel version
  -h, --help            Print this message
  -k, --autoclean       Make module autoclean-able
  -L, --lock            Prevent simultaneous loads of the same module
  -m, --map             Generate load map (so crashes can be traced)
  -n, --noload          Don't load, just show
  -p, --probe           Probe mode; check if the module matches the kernel
  -q, --quiet           Don't print unresolved symbols
  -r, --root            Allow root to load modules not owned by root
  -s, --syslog          Report errors via syslog
  -v, --verbose         Verbose output
  -V, --version         Show version
  -x, --noexport        Do not export externs
  -X, --export          Do export externs (default)
  -y, --noksymoops      Do not add ksymoops symbols
  -Y, --ksymoops        Do add ksymoops symbols (default)
  -o NAME, --name=NAME  Set internal module name to NAME
  -O NAME, --blob=NAME  Save the object as a binary blob in NAME
  -P PREFIX
      --prefix=PREFIX   Prefix for kernel or module symbols
";

/// Where modules are linked that are not loaded (`-n`).
const NOWHERE: u64 = 0x1234_0000;
/// Licences that modutils takes for free software (obj/obj_gpl_license.c).
const FREE: [&str; 5] = ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MPL/GPL"];
const EEXIST: i32 = 17;
const ENOMEM: i32 = 12;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The module's name, if not the file's.
    name: Option<String>,
    /// `name=value` words.
    params: Vec<OsString>,
    /// The file's name in messages, if people know it by another.
    shown: Option<String>,
    force: bool,
    autoclean: bool,
    lock: bool,
    map: bool,
    noload: bool,
    probe: bool,
    quiet: bool,
    verbose: bool,
    noexport: bool,
    noksymoops: bool,
    blob: Option<PathBuf>,
    prefix: Option<String>,
}

impl Options {
    /// A load without options, of a file that messages call `shown`.
    pub fn plain(name: &str, params: &[OsString], shown: String) -> Self {
        Self { name: Some(name.into()), params: params.to_vec(), shown: Some(shown), ..Self::default() }
    }
}

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut parser = Parser::new(SPEC, &call.argv0, &call.words);
    let mut messages = Messages::new("insmod");
    let mut options = Options::default();
    while let Some(option) = parser.next_option() {
        let Opt::Known(code, value) = option else { return Ok(usage()) };
        let text = || value.as_ref().map(|v| v.to_string_lossy().into_owned());
        match code {
            'f' => options.force = true,
            'k' => options.autoclean = true,
            'L' => options.lock = true,
            'm' => options.map = true,
            'n' => options.noload = true,
            'p' => options.probe = true,
            'q' => options.quiet = true,
            's' => messages.syslog = true,
            'v' => options.verbose = true,
            'V' => tell!("insmod version {}", super::VERSION),
            'x' | 'X' => options.noexport = code == 'x',
            'y' | 'Y' => options.noksymoops = code == 'y',
            'o' => options.name = text(),
            'O' => options.blob = value.map(PathBuf::from),
            'P' => options.prefix = text(),
            // Who owns a file does not matter inside an instance.
            'r' => {}
            'e' | 'S' => {
                messages.error(&format!("lkm's insmod does not have the option -{code}"));
                return Ok(1);
            }
            _ => return Ok(usage()),
        }
    }
    let mut operands = parser.operands().into_iter();
    let Some(file) = operands.next() else { return Ok(usage()) };
    options.params = operands.collect();
    let client = match super::connect("insmod") {
        Ok(client) => client,
        Err(error) => {
            tell!("{error}");
            return Ok(1);
        }
    };
    match run(&Kernel(&client), &file, &options, &mut messages) {
        Ok(()) => Ok(0),
        Err(Stop::Killed(signal)) => crate::backend::die(signal),
        Err(_) => Ok(1),
    }
}

fn usage() -> u8 {
    tell_part!("{USAGE}");
    1
}

/// Why a load ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// An error, which was told.
    Failed,
    /// The caller died in the module's init function, by this signal.
    Killed(i32),
}

fn fail<T>(messages: &mut Messages, text: &str) -> Result<T, Stop> {
    messages.error(text);
    Err(Stop::Failed)
}

/// The module's name in a file's.
pub fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let cut = [".o", ".mod", ".o.gz", ".ko"].iter().find_map(|end| name.strip_suffix(end).filter(|n| !n.is_empty()));
    cut.unwrap_or(&name).to_owned()
}

/// The file of a bare name.
fn search(name: &str) -> Option<PathBuf> {
    fn below(folder: &Path, file: &str, depth: usize) -> Option<PathBuf> {
        let path = folder.join(file);
        if path.is_file() {
            return Some(path);
        }
        let entries = std::fs::read_dir(folder).ok()?.flatten();
        let mut folders: Vec<_> =
            entries.map(|e| e.path()).filter(|p| depth > 0 && p.is_dir() && !p.is_symlink()).collect();
        folders.sort();
        folders.iter().find_map(|folder| below(folder, file, depth - 1))
    }
    const DEEP: usize = 8;
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let default = OsString::from(format!("/lib/modules/{release}"));
    let path = std::env::var_os("MODPATH").unwrap_or(default);
    std::env::split_paths(&path).find_map(|folder| below(&folder, &format!("{name}.o"), DEEP))
}

/// Loads a module.
pub fn run(kernel: &Kernel<'_>, file: &OsString, options: &Options, messages: &mut Messages) -> Result<(), Stop> {
    let bare = !file.as_bytes().iter().any(|c| b"/.".contains(c));
    let path = match bare {
        false => PathBuf::from(file),
        true => match search(&file.to_string_lossy()) {
            Some(path) => path,
            None => return fail(messages, &format!("{}: no module by that name found", file.display())),
        },
    };
    if bare || options.verbose {
        messages.say(&format!("Using {}", path.display()));
    }
    let name = options.name.clone().unwrap_or_else(|| name_of(Path::new(file)));
    let opened = match std::fs::File::open(&path) {
        Ok(opened) => opened,
        Err(e) => return fail(messages, &format!("{}: {}", path.display(), crate::error::errno_text(&e))),
    };
    if options.lock {
        // A file system without locks prevents nothing, as on 2.4.
        let _ = rustix::fs::flock(&opened, rustix::fs::FlockOperation::LockExclusive);
    }
    let image = match kofile::Image::open(&path) {
        Ok(image) => image,
        Err(error) => return fail(messages, &error.to_string()),
    };
    let path = options.shown.clone().unwrap_or_else(|| path.display().to_string());
    let mut load = Load { kernel, options, messages, name, path, modules: Vec::new() };
    let result = load.load(image.bytes());
    drop(opened);
    result
}

/// A load under way.
struct Load<'a> {
    kernel: &'a Kernel<'a>,
    options: &'a Options,
    messages: &'a mut Messages,
    name: String,
    path: String,
    /// The loaded modules, and whether this one uses them.
    modules: Vec<(Module, bool)>,
}

/// What the kernel and modules offer, in the order in which it is looked at.
struct Offers {
    symbols: Vec<(Option<usize>, KernelSymbol)>,
    compare: Compare,
    /// A symbol for GPL modules only was passed over.
    hidden: bool,
}

impl Load<'_> {
    fn fail<T>(&mut self, text: &str) -> Result<T, Stop> {
        fail(self.messages, text)
    }

    fn asked<T>(&mut self, what: &str, result: super::kernel::Result<T>) -> Result<T, Stop> {
        result.or_else(|error| self.fail(&format!("{what}: {}", error.text())))
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let modules = self.kernel.modules();
        let modules = self.asked("query_module", modules)?;
        let exists = modules.iter().any(|m| m.name == self.name);
        self.modules = modules.into_iter().map(|module| (module, false)).collect();
        if exists && !self.options.noload {
            return self.fail(&format!("a module named {} already exists", self.name));
        }
        self.messages.subject = self.path.clone();
        if !bytes.starts_with(b"\x7fELF") {
            return self.fail("not an ELF file");
        }
        let path = self.path.clone();
        let elf = match Elf::parse(&path, bytes) {
            Ok(elf) => elf,
            Err(error) => return self.fail(&error.to_string()),
        };
        let mut object = match Object::read(&elf, &path) {
            Ok(object) => object,
            Err(error) => return self.fail(&error),
        };
        let info = Modinfo::of(&elf);
        let licence = info.license().map(|licence| licence.to_string());
        let gpl = licence.as_deref().is_some_and(|licence| FREE.contains(&licence));
        let offers = self.offers(&info, gpl)?;
        let this = object.add_first(header::LEN as usize);
        object.point_to_string(this, header::NAME, self.name.clone().as_bytes());
        self.resolve(&mut object, &offers, this, gpl)?;
        object.allocate_commons();
        for warning in params::check(&object, &info, &path) {
            self.messages.warn(&warning);
        }
        self.taint(licence.as_deref(), gpl);
        for word in &self.options.params {
            if let Err(error) = params::set(&mut object, &info, word.as_bytes()) {
                return self.fail(&error);
            }
        }
        self.export(&mut object, this, &info);
        link::add_archdata(&mut object);
        if self.options.probe {
            return Ok(());
        }
        self.insert(&mut object, &elf)
    }

    /// What the kernel offers to this module, and how names are compared.
    fn offers(&mut self, info: &Modinfo<'_>, gpl: bool) -> Result<Offers, Stop> {
        let mut symbols = Vec::new();
        for at in 0..self.modules.len() {
            let name = self.modules.get(at).map(|(m, _)| m.name.clone()).unwrap_or_default();
            // A module that goes meanwhile offers nothing.
            symbols.extend(self.kernel.symbols(Some(&name)).unwrap_or_default().into_iter().map(|s| (Some(at), s)));
        }
        let own = self.kernel.symbols(None);
        symbols.extend(self.asked("query_module", own)?.into_iter().map(|s| (None, s)));
        let compare = self.compare(&symbols, info)?;
        let mut hidden = false;
        symbols.retain_mut(|(_, symbol)| match symbol.name.strip_prefix("GPLONLY_") {
            Some(name) => {
                hidden = true;
                symbol.name = name.to_owned();
                gpl
            }
            None => true,
        });
        Ok(Offers { symbols, compare, hidden })
    }

    /// The module's version must be the kernel's, unless both have symbol versions.
    fn compare(&mut self, symbols: &[(Option<usize>, KernelSymbol)], info: &Modinfo<'_>) -> Result<Compare, Stop> {
        let prefix = match &self.options.prefix {
            Some(prefix) => prefix.clone(),
            None => versions::prefix(symbols.iter().map(|(_, s)| s.name.as_str())),
        };
        if self.options.verbose {
            self.messages.say(&format!("Symbol version prefix '{prefix}'"));
        }
        let Some(version) = info.get("kernel_version").map(|v| v.to_string()) else {
            return self.fail("couldn't find the kernel version the module was compiled for");
        };
        let kernel_has = symbols.iter().any(|(at, s)| at.is_none() && s.name == "Using_Versions");
        let module_has = info.get("using_checksums").is_some_and(|v| v != "0");
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        // `lkm run` links outside of the instance, where uname(2) is the host's.
        let release = if super::is_here() { release } else { wire::legacy::RELEASE.to_owned() };
        if !(kernel_has && module_has) && version != release {
            let text = format!(
                "kernel-module version mismatch\n\t{} was compiled for kernel version {version}\n\twhile this kernel is version {release}",
                self.path
            );
            if !self.options.force {
                if !self.options.quiet {
                    self.messages.error(&format!("{text}."));
                }
                return Err(Stop::Failed);
            }
            self.messages.warn(&format!("Warning: {text}"));
        }
        Ok(if kernel_has == module_has { Compare::Exact } else { Compare::WithoutVersion { prefix } })
    }

    /// Finds every undefined symbol, or says which cannot be found.
    fn resolve(&mut self, object: &mut Object, offers: &Offers, this: usize, gpl: bool) -> Result<(), Stop> {
        let prefix = match &offers.compare {
            Compare::Exact => None,
            Compare::WithoutVersion { prefix } => Some(prefix.as_str()),
        };
        // By the name without its version, so that few have to be compared.
        let key = |name: &'_ str| prefix.and_then(|p| versions::stripped(name, p)).unwrap_or(name).to_owned();
        let mut known: HashMap<String, Vec<&(Option<usize>, KernelSymbol)>> = HashMap::new();
        for offer in &offers.symbols {
            known.entry(key(&offer.1.name)).or_default().push(offer);
        }
        let mut missing = Vec::new();
        for symbol in object.symbols.iter_mut().filter(|s| !s.nameless && !s.local) {
            if symbol.place != Place::Undefined && !symbol.weak {
                continue;
            }
            let found = known.get(&key(&symbol.name)).into_iter().flatten();
            let found = found.copied().find(|(_, offer)| offers.compare.same(&symbol.name, &offer.name));
            match found {
                _ if symbol.name == "__this_module" => (symbol.place, symbol.value) = (Place::Section(this), 0),
                Some((owner, offer)) => {
                    (symbol.place, symbol.value) = (Place::Outside(*owner), offer.value);
                    let used = owner.and_then(|at| self.modules.get_mut(at));
                    used.into_iter().for_each(|(_, used)| *used = true);
                }
                None if symbol.place != Place::Undefined => {}
                None if symbol.weak => (symbol.place, symbol.value) = (Place::Absolute, 0),
                None => missing.push(symbol.name.clone()),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        if !self.options.quiet {
            for name in missing {
                self.messages.error(&format!("unresolved symbol {name}"));
            }
            if !gpl {
                self.messages.error(hint(offers.hidden));
            }
        }
        Err(Stop::Failed)
    }

    /// Says what the module does to the kernel's reputation, and tells the kernel.
    fn taint(&mut self, licence: Option<&str>, gpl: bool) {
        const URL: &str = "http://www.tux.org/lkml/#export-tainted";
        const PROPRIETARY: u64 = 1;
        const FORCED: u64 = 2;
        let mut reasons = Vec::new();
        match licence {
            None => reasons.push((PROPRIETARY, "no license".to_owned())),
            Some(licence) if !gpl => reasons.push((PROPRIETARY, format!("non-GPL license - {licence}"))),
            Some(_) => {}
        }
        if self.options.force {
            reasons.push((FORCED, "forced load".to_owned()));
        }
        for (at, (taint, reason)) in reasons.into_iter().enumerate() {
            let path = &self.path;
            self.messages.warn(&format!("Warning: loading {path} will taint the kernel: {reason}"));
            if at == 0 {
                self.messages.say(&format!("  See {URL} for information about tainted modules"));
            }
            if !self.options.noload {
                // As on 2.4, one who may not write there loads nothing either.
                let _ = self.kernel.0.write_file("/proc/sys/kernel/tainted", format!("{taint}\n").as_bytes());
            }
        }
    }

    /// The tables of symbols and of used modules.
    fn export(&mut self, object: &mut Object, this: usize, info: &Modinfo<'_>) {
        for special in ["cleanup_module", "init_module", "kernel_version"] {
            let found = object.symbol(special).and_then(|i| object.symbols.get_mut(i));
            found.into_iter().for_each(|symbol| symbol.local = true);
        }
        let explicit = object.section("__ksymtab").is_some();
        let export_all = !explicit && !self.options.noexport;
        if !self.options.noksymoops {
            for (name, section) in self.ksymoops(object, this, info) {
                let symbol = object.add_symbol(&name, section, false);
                if !export_all {
                    add_export(object, symbol);
                }
            }
        }
        let used: Vec<u64> = self.modules.iter().filter(|(_, used)| *used).map(|(m, _)| m.addr).collect();
        if !used.is_empty() {
            let table = object.add_section(".kmodtab", 8, used.len() * REF_LEN as usize);
            for (row, addr) in used.iter().enumerate() {
                let offset = row as u64 * REF_LEN;
                link::put(object, table, offset, &addr.to_le_bytes());
                object.patches.push(Patch { section: table, offset: offset + 8, target: Target::Section(this, 0) });
            }
        }
        if export_all {
            let own = |s: &super::object::Symbol| !s.local && !s.nameless && object.is_own(s);
            let all: Vec<usize> =
                (0..object.symbols.len()).filter(|i| object.symbols.get(*i).is_some_and(own)).collect();
            all.into_iter().for_each(|symbol| add_export(object, symbol));
        }
    }

    /// Symbols that tell ksymoops where the module came from and where its sections lie.
    fn ksymoops(&self, object: &Object, this: usize, info: &Modinfo<'_>) -> Vec<(String, usize)> {
        use std::os::unix::fs::MetadataExt;
        let name = &self.name;
        let path = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone().into());
        let mtime = std::fs::metadata(&path).map_or(0, |m| m.mtime());
        let version = info.get("kernel_version").map_or(-1, |v| number_of(&v.to_string()));
        let mut symbols = vec![(format!("__insmod_{name}_O{}_M{mtime:016X}_V{version}", path.display()), this)];
        for section in [".text", ".rodata", ".data", ".bss"] {
            let found = object.section(section).and_then(|i| Some((i, object.sections.get(i)?.bytes.len())));
            if let Some((index, len)) = found.filter(|(_, len)| *len > 0) {
                symbols.push((format!("__insmod_{name}_S{section}_L{len}"), index));
            }
        }
        symbols
    }

    /// Asks for an address, links for it and hands the image over.
    fn insert(&mut self, object: &mut Object, elf: &Elf<'_>) -> Result<(), Stop> {
        let size = link::place(object, 0);
        let base = if self.options.noload { NOWHERE } else { self.create(size)? };
        if self.options.lock && base == 0 {
            // Another insmod was faster.
            return Ok(());
        }
        let result = self.hand_over(object, elf, base, size);
        if result == Err(Stop::Failed) && !self.options.noload {
            let _ = self.kernel.delete(Some(&self.name));
        }
        if result.is_ok() && self.messages.warnings > 0 && !self.options.noload {
            self.messages.say(&format!("Module {} loaded, with warnings", self.name));
        }
        result
    }

    fn create(&mut self, size: u64) -> Result<u64, Stop> {
        match self.kernel.create(&self.name, size) {
            Err(Failed::Errno(EEXIST)) if self.options.lock => Ok(0),
            Err(Failed::Errno(EEXIST)) => self.fail(&format!("a module named {} already exists", self.name)),
            Err(Failed::Errno(ENOMEM)) => {
                self.fail(&format!("can't allocate kernel memory for module; needed {size} bytes"))
            }
            other => self.asked("create_module", other),
        }
    }

    fn hand_over(&mut self, object: &mut Object, elf: &Elf<'_>, base: u64, size: u64) -> Result<(), Stop> {
        link::place(object, base);
        if let Err(errors) = link::relocate(object, elf) {
            errors.iter().for_each(|error| self.messages.error(error));
            return Err(Stop::Failed);
        }
        let deps = self.modules.iter().filter(|(_, used)| *used).count();
        let flags = if self.options.autoclean { flag::AUTOCLEAN } else { 0 };
        let image = link::image(object, base, size, flags, deps);
        if self.options.map {
            link::load_map(object).iter().for_each(|line| self.messages.say(line));
        }
        if let Some(blob) = &self.options.blob
            && let Err(error) = std::fs::write(blob, &image)
        {
            let text = format!("write {} failed {}", blob.display(), crate::error::errno_text(&error));
            return self.fail(&text);
        }
        if self.options.noload {
            return Ok(());
        }
        match self.kernel.init(&self.name, &image) {
            Ok(()) => Ok(()),
            Err(Failed::Killed(signal)) => Err(Stop::Killed(signal)),
            Err(error) => {
                self.messages.error(&format!("init_module: {}", error.text()));
                self.messages.say(
                    "Hint: insmod errors can be caused by incorrect module parameters, including invalid IO or IRQ parameters.\n\
                     \x20     You may find more information in syslog or the output from dmesg",
                );
                Err(Stop::Failed)
            }
        }
    }
}

/// What is said of unresolved symbols to those whose module is not free software.
fn hint(gpl_only_seen: bool) -> &'static str {
    if gpl_only_seen {
        "\nHint: You are trying to load a module without a GPL compatible license\n\
         \x20     and it has unresolved symbols.  The module may be trying to access\n\
         \x20     GPLONLY symbols but the problem is more likely to be a coding or\n\
         \x20     user error.  Contact the module supplier for assistance, only they\n\
         \x20     can help you.\n"
    } else {
        "\nHint: You are trying to load a module without a GPL compatible license\n\
         \x20     and it has unresolved symbols.  Contact the module supplier for\n\
         \x20     assistance, only they can help you.\n"
    }
}

/// A release as one number, `2.4.37` as 132133; -1 for what is none.
fn number_of(release: &str) -> i64 {
    let mut parts = release.splitn(3, '.').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..end).and_then(|digits| digits.parse::<i64>().ok())
    });
    match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten()) {
        (Some(a), Some(b), Some(c)) => a << 16 | b << 8 | c,
        _ => -1,
    }
}

/// Adds a symbol to the table of exports; one that `EXPORT_NO_SYMBOLS` made takes no memory and is left alone.
fn add_export(object: &mut Object, symbol: usize) {
    let loaded = object.sections.iter().position(|s| s.name == "__ksymtab" && s.is_loaded());
    let table = loaded.unwrap_or_else(|| {
        object.sections.iter_mut().filter(|s| s.name == "__ksymtab").for_each(|s| s.name = "x_ksymtab".into());
        object.add_section("__ksymtab", 8, 0)
    });
    let Some(section) = object.sections.get_mut(table) else { return };
    let offset = section.bytes.len() as u64;
    section.bytes.extend([0; 16]);
    object.patches.push(Patch { section: table, offset, target: Target::Symbol(symbol) });
    let name = object.symbols.get(symbol).map(|s| s.name.clone()).unwrap_or_default();
    object.point_to_string(table, offset + 8, name.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_insmod_knows() {
        for (file, name) in
            [("/a/b.o", "b"), ("b.mod", "b"), ("b.o.gz", "b"), ("b", "b"), (".o", ".o"), ("a.b.o", "a.b")]
        {
            assert_eq!(name_of(Path::new(file)), name);
        }
    }

    // `_V132116` of a module for 2.4.20 stands in ksyms output of the time.
    #[test]
    fn releases_become_numbers() {
        assert_eq!((number_of("2.4.20"), number_of("2.4.37-lkm"), number_of("2.4")), (132_116, 132_133, -1));
    }
}
