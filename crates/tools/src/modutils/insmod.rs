//! `insmod` of modutils: links a module against the running kernel and hands it the image. Counterpart: insmod/insmod.c of
//! modutils 2.4.27; insmod(8).
//!
//! DIFFERS: no configuration file; a bare name is looked for in `$MODPATH` and /lib/modules/RELEASE. Persistent data (`-e`) and
//! kallsyms (`-S`) are refused.

use super::kernel::{Failed, Kernel, Module, Symbol as KernelSymbol};
use super::object::{Object, Place, Symbol};
pub use super::options::Options;
use super::versions::{self, Compare};
use super::{Messages, link, params};
use crate::Invocation;
use crate::error::Failure;
use kofile::{Elf, Modinfo};
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use wire::legacy::{flag, header};

/// Where modules are linked that are not loaded (`-n`).
const NOWHERE: u64 = 0x1234_0000;
/// Licences that modutils takes for free software (obj/obj_gpl_license.c).
const FREE: [&str; 5] = ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MPL/GPL"];
const EEXIST: i32 = 17;
const ENOMEM: i32 = 12;

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut messages = Messages::new("insmod");
    let Some((file, options)) = Options::parse(call, &mut messages) else { return Ok(1) };
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
pub(super) struct Load<'a> {
    kernel: &'a Kernel<'a>,
    pub(super) options: &'a Options,
    messages: &'a mut Messages,
    /// The module's name.
    pub(super) name: String,
    /// The file, as messages call it.
    pub(super) path: String,
    /// The loaded modules, and whether this one uses them.
    pub(super) modules: Vec<(Module, bool)>,
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
        self.prepare(&mut object, &Modinfo::of(&elf))?;
        if self.options.probe {
            return Ok(());
        }
        self.insert(&mut object, &elf)
    }

    /// Everything before the module has an address: symbols, parameters, tables.
    fn prepare(&mut self, object: &mut Object, info: &Modinfo<'_>) -> Result<(), Stop> {
        let licence = info.license().map(|licence| licence.to_string());
        let gpl = licence.as_deref().is_some_and(|licence| FREE.contains(&licence));
        let offers = self.offers(info, gpl)?;
        let this = object.add_first(header::LEN as usize);
        object.point_to_string(this, header::NAME, self.name.as_bytes());
        self.resolve(object, &offers, this, gpl)?;
        object.allocate_commons();
        for warning in params::check(object, info, &self.path) {
            self.messages.warn(&warning);
        }
        self.taint(licence.as_deref(), gpl);
        for word in &self.options.params {
            if let Err(error) = params::set(object, info, word.as_bytes()) {
                return self.fail(&error);
            }
        }
        self.export(object, this, info);
        link::add_archdata(object);
        Ok(())
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
        let open = |s: &&mut Symbol| !s.nameless && !s.local && (s.place == Place::Undefined || s.weak);
        for symbol in object.symbols.iter_mut().filter(open) {
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
        if missing.is_empty() { Ok(()) } else { self.unresolved(&missing, offers, gpl) }
    }

    fn unresolved(&mut self, missing: &[String], offers: &Offers, gpl: bool) -> Result<(), Stop> {
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
}
