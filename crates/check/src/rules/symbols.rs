//! The symbols that a module imports: who has them, and whether it may use them.
//!
//! Counterpart: `resolve_symbol` of kernel/module/main.c; the words about versions are the `loader`'s.

mod instead;

use super::Subject;
use crate::finding::{Finding, Kind, Place};
use crate::kernel::Kernel;
use crate::model::Spot;
use crate::session::World;
use kabi::errno::{EINVAL, ENOENT, ENOEXEC};
use kofile::{Name, Symbol, SymbolBinding};
use loader::check::{self, Crcs, Version};
use loader::{Flags, Identity};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// `KSYM_NAME_LEN`: no symbol of a kernel has a longer name, and nobody wants to read one.
const NAME_MAX: usize = 512;

/// What a module gets from elsewhere.
#[derive(Debug, Default)]
pub struct Imports {
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// The numbers of the modules beside it that must be loaded before.
    pub needs: BTreeSet<usize>,
}

/// An export, wherever it is.
struct Offer {
    gpl: bool,
    namespace: String,
    crc: Option<u32>,
}

/// Who imports.
struct Importer<'s, 'a> {
    subject: &'s Subject<'a>,
    kernel: &'s Kernel,
    world: &'s World,
    /// Its own number among the modules.
    number: usize,
    identity: Identity,
    crcs: Option<Crcs<'a>>,
    found: Imports,
    /// Symbols of modules beside it, and of the kernel's tree.
    beside: BTreeMap<usize, Vec<String>>,
    in_tree: BTreeMap<String, Vec<String>>,
    /// Where each symbol is first used; filled when it is asked for.
    uses: OnceCell<HashMap<u32, Spot>>,
}

/// Looks at all that a module imports, and exports.
pub fn find(subject: &Subject<'_>, kernel: &Kernel, world: &World, number: usize) -> Imports {
    // A file of which this cannot be read was refused already.
    let Some(identity) = identity(subject.module) else { return Imports::default() };
    // Versions in their newer form can be told only where the loader's checks can be asked.
    let is_plain = subject.module.elf().section_by_name("__version_ext_crcs").is_none();
    let crcs =
        (is_plain || crate::is_adopted()).then(|| check::crcs(subject.module, Flags(0)).ok().flatten()).flatten();
    let (found, beside, in_tree, uses) = Default::default();
    let mut importer = Importer { subject, kernel, world, number, identity, crcs, found, beside, in_tree, uses };
    let mut seen = HashSet::new();
    for (index, symbol) in (0u32..).zip(subject.model.symbols.iter()).skip(1) {
        let is_needed = symbol.binding != SymbolBinding::Weak && symbol.name() != "_GLOBAL_OFFSET_TABLE_";
        if symbol.is_undefined() && is_needed && seen.insert(symbol.name()) {
            importer.import(index, &symbol);
        }
    }
    importer.duplicates();
    importer.tell_needs();
    importer.found
}

/// Where each symbol is first used.
fn first_uses(subject: &Subject<'_>) -> HashMap<u32, Spot> {
    let mut uses = HashMap::new();
    let model = subject.model;
    for section in model.elf.sections().iter().map(|section| section.index) {
        for row in model.relocations(section) {
            uses.entry(row.symbol).or_insert(Spot { section, offset: row.offset });
        }
    }
    uses
}

/// What decides about imports.
fn identity(module: &kofile::Module<'_>) -> Option<Identity> {
    let name = module.this_module().ok()?.name.to_string();
    let info = module.modinfo();
    Some(Identity {
        label: info.name().map_or_else(|| name.clone(), |label| label.to_string()),
        name,
        license: info.license().map(|license| license.to_string()),
        in_tree: info.is_intree(),
        imported_namespaces: info.imported_namespaces().map(|namespace| namespace.to_string()).collect(),
        ..Identity::default()
    })
}

impl Importer<'_, '_> {
    fn import(&mut self, index: u32, symbol: &Symbol<'_>) {
        let name = symbol.name();
        let name = Name::new(name.as_bytes().get(..NAME_MAX).unwrap_or(name.as_bytes())).to_string();
        if let Some(export) = self.kernel.export(&name) {
            let offer = Offer { gpl: export.gpl, namespace: export.namespace.to_owned(), crc: export.crc };
            return self.take(index, &name, &offer);
        }
        if let Some((owner, export)) = self.world.exporter(&name, self.number) {
            let offer = Offer { gpl: export.gpl, namespace: export.namespace.clone(), crc: export.crc };
            self.beside.entry(owner).or_default().push(name.clone());
            self.found.needs.insert(owner);
            return self.take(index, &name, &offer);
        }
        if let Some((owner, place)) = self.world.definer(&name, self.number) {
            return self.not_exported(index, &name, owner, place);
        }
        match self.kernel.modules_with(&name).into_iter().next() {
            Some(owner) => self.in_tree.entry(owner).or_default().push(name),
            None => self.missing(index, &name),
        }
    }

    /// Whether the module may use what is there.
    fn take(&mut self, index: u32, name: &str, offer: &Offer) {
        let module = &self.identity.name;
        if offer.gpl && !self.identity.is_gpl_compatible() {
            let license = self.identity.license.as_deref().unwrap_or("none");
            let what = format!(
                "{module} may not use {name}, which is exported to modules with a GPL-compatible licence only: its own is \
                 \"{license}\" (Unknown symbol {name} (err -2))"
            );
            let cure = "MODULE_LICENSE(\"GPL\"), if that is its licence; otherwise do without";
            return self.tell(index, what, cure, ENOENT.0);
        }
        if let Version::Wrong(line) = check::version(&self.identity, self.crcs.as_ref(), name, offer.crc) {
            let what = format!("the kernel refuses it: {}", line.text);
            let cure =
                format!("build it against the headers of {}, with all modules that it uses", self.kernel.release());
            return self.tell(index, what, &cure, EINVAL.0);
        }
        let namespace = &offer.namespace;
        if namespace.is_empty() || self.identity.imported_namespaces.iter().any(|known| known == namespace) {
            return;
        }
        let what = format!(
            "the kernel refuses it: {}: module uses symbol ({name}) from namespace {namespace}, but does not import it.",
            self.identity.label
        );
        let quote = if self.kernel.series() >= (6, 13) { "\"" } else { "" };
        let cure = format!("add MODULE_IMPORT_NS({quote}{namespace}{quote})");
        self.tell(index, what, &cure, EINVAL.0);
    }

    /// A module beside this one has it for itself.
    fn not_exported(&mut self, index: u32, name: &str, owner: usize, place: Place) {
        self.found.needs.insert(owner);
        let (owner, file) = self.world.names(owner);
        let module = &self.identity.name;
        let what = format!(
            "{module} needs {name}; {file} defines it but does not export it (Unknown symbol {name} (err -2)): add \
             EXPORT_SYMBOL({name}) at {place}; load {owner} first"
        );
        let place = self.place(index);
        let finding = Finding { errno: Some(ENOENT.0), ..Finding::new(Kind::Symbol, place, what) };
        self.found.findings.push(finding);
    }

    /// Nobody exports it.
    fn missing(&mut self, index: u32, name: &str) {
        let (module, release) = (&self.identity.name, self.kernel.release());
        let known = instead::of(name);
        let (what, cure) = match self.kernel.has_inside(name) {
            true => (
                format!(
                    "{module} needs {name}; kernel {release} has it but does not export it to modules (Unknown symbol {name} (err -2))"
                ),
                known.unwrap_or("use a function that the kernel exports (`lkm abi show FUNCTION` tells of each)"),
            ),
            false => (
                format!(
                    "{module} needs {name}; neither kernel {release} nor its modules nor the modules beside it have it \
                     (Unknown symbol {name} (err -2))"
                ),
                known.unwrap_or("name the file or folder of the module that exports it, too, or build for this kernel"),
            ),
        };
        self.tell(index, what, cure, ENOENT.0);
    }

    fn tell(&mut self, index: u32, what: String, cure: &str, errno: i32) {
        let finding = Finding::new(Kind::Symbol, self.place(index), what).cure(cure);
        self.found.findings.push(Finding { errno: Some(errno), ..finding });
    }

    /// Where the module first uses a symbol.
    fn place(&self, index: u32) -> Place {
        let uses = self.uses.get_or_init(|| first_uses(self.subject));
        uses.get(&index).map_or_else(|| self.subject.whole(), |spot| self.subject.at(*spot))
    }

    /// What it exports and the kernel has already.
    fn duplicates(&mut self) {
        let module = &self.identity.name;
        for export in self.subject.module.exports().unwrap_or_default() {
            let name = export.name.to_string();
            if self.kernel.export(&name).is_none() {
                continue;
            }
            let what = format!("the kernel refuses it: {module}: exports duplicate symbol {name} (owned by kernel)");
            let symbol = self.subject.model.symbols.get(export.symbol);
            let spot = symbol.and_then(|symbol| crate::model::spot_of(&symbol));
            let place = spot.map_or_else(|| self.subject.whole(), |spot| self.subject.definition(spot));
            let finding = Finding::new(Kind::Duplicate, place, what).cure("give it another name, or do not export it");
            self.found.findings.push(Finding { errno: Some(ENOEXEC.0), ..finding });
        }
    }

    /// Which modules must be there before. Those that came with the kernel are depmod's and modprobe's business.
    fn tell_needs(&mut self) {
        if self.identity.in_tree {
            return;
        }
        let module = &self.identity.name;
        let some = |symbols: &[String]| match symbols {
            [] => String::new(),
            [one] => one.clone(),
            [one, rest @ ..] => format!("{one} and {} more", rest.len()),
        };
        for (owner, symbols) in &self.beside {
            let (owner, file) = self.world.names(*owner);
            let what = format!("{module} needs {} of {file}: load {owner} first", some(symbols));
            self.found.findings.push(Finding::new(Kind::Needs, self.subject.whole(), what));
        }
        for (owner, symbols) in &self.in_tree {
            let what = format!(
                "{module} needs {} of {owner}, a module of kernel {}: modprobe loads it by itself; before insmod: modprobe {owner}",
                some(symbols),
                self.kernel.release()
            );
            self.found.findings.push(Finding::new(Kind::Needs, self.subject.whole(), what));
        }
    }
}
