//! Memory, symbols, relocations: a module complete but for running. Counterpart: the middle of `load_module` of
//! kernel/module/main.c, from `percpu_modalloc` to `complete_formation`.

use super::lookup::Lookup;
use super::members::{self, Told};
use super::taints::Taints;
use super::{LoadError, Request, say};
use crate::mm::{exact, inline_access};
use crate::module::taint::{self, Taint};
use crate::module::{Exported, Module, NEXT_ID, REF_BASE, REFCNT, State, links, params, write_list};
use crate::{log, percpu};
use kabi::errno::ENOMEM;
use kabi::{KError, KPtr, profile};
use loader::check::Crcs;
use loader::resolve::Importer;
use loader::{Identity, Image, Refusal};
use loader::{check, livepatch, patch, place, protect, relocate, resolve};
use std::collections::HashMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Per-CPU memory of a module that is not complete yet.
struct PerCpu(Option<u64>);

impl PerCpu {
    fn take(elf: &kofile::Elf<'_>, name: &str) -> Result<Self, LoadError> {
        let mut lines = Vec::new();
        let wanted = check::percpu(elf, name, &mut lines);
        say(&lines);
        let (Some((size, align)), Some(section)) = (wanted, place::percpu_section(elf)) else {
            return Ok(Self(None));
        };
        let taken = crate::mm::percpu::alloc_reserved(size, align);
        let offset = taken.inspect_err(|_| {
            log::line(4, &format!("{name}: Could not allocate {size} bytes percpu data"));
        })?;
        let taken = Self(Some(offset));
        percpu::fill(offset, section.data)?;
        Ok(taken)
    }

    fn keep(mut self) -> Option<u64> {
        self.0.take()
    }
}

impl Drop for PerCpu {
    fn drop(&mut self) {
        if let Some(offset) = self.0 {
            percpu::free(offset);
        }
    }
}

/// User accesses in the module's own text become traps.
fn take_over_user_accesses(image: &Image) {
    for block in [&image.core.block, &image.init.block].into_iter().flatten() {
        inline_access::forget(block.addr()..block.addr() + block.len() as u64);
    }
    if let Some(table) = image.section("__ex_table")
        && let Ok(bytes) = KPtr::<()>::new(table.addr).bytes(0, table.size as usize)
    {
        inline_access::take_over(table.addr, &bytes);
    }
}

/// In exact mode every access of the module's text is checked, or the log says why not.
fn check_accesses(file: &exact::File<'_>, image: &Image, name: &str) {
    let checked = match exact::take_over(file, image) {
        Ok(()) if exact::is_on() && file.changes => Err("relocations of livepatches change its code".to_string()),
        other => other.map_err(|e| e.to_string()),
    };
    if let Err(why) = checked {
        log::line(4, &format!("{name}: lkm: not every access can be checked: {why}"));
    }
}

/// Makes the module.
pub(super) fn form(
    request: &Request<'_>,
    file: &kofile::Module<'_>,
    identity: Identity,
    crcs: Option<&Crcs<'_>>,
    mut taints: Taints,
) -> Result<Module, LoadError> {
    let elf = file.elf();
    let symbols = elf.symbols()?;
    let percpu = PerCpu::take(elf, &identity.name)?;
    let mut layout = place::place(elf, percpu.0.unwrap_or(0))?;
    sections(elf, &identity, &mut taints);
    let mut lookup = Lookup::default();
    let importer = Importer { identity: &identity, crcs, proprietary: taints.proprietary() };
    let resolved = resolve::resolve(elf, &symbols, &layout, &importer, &mut lookup)?;
    say(&resolved.log);
    if resolved.inherits {
        taints.inherit();
    }
    let relocations = relocate::relocate(elf, &mut layout, &resolved.values, &identity.name)?;
    let late = livepatch::sections(elf, &symbols, &layout)?;
    crate::livepatch::at_load(&late, &identity.name)?;
    patch::patch(elf, &mut layout);
    request.params.map_err(Refusal::silent)?;
    let exports = exported(file, &resolved.values, &symbols)?;
    protect::before_init(&layout)?;
    let this_module = file.this_module()?;
    let this = KPtr::new(layout.address(this_module.section).ok_or(KError::Errno(ENOMEM))?);
    let entry = |offset: Option<u64>| offset.map_or(Ok(0), |offset| this.get(offset));
    let (init, exit) = (entry(this_module.init)?, entry(this_module.exit)?);
    let params = params::table(elf, &layout)?;
    let image = Image::new(elf, &symbols, layout, &resolved.values, relocations);
    let parts = exact::File { elf, symbols: &symbols, values: &resolved.values, changes: !late.is_empty() };
    check_accesses(&parts, &image, &identity.name);
    take_over_user_accesses(&image);
    let percpu_bytes = place::percpu_section(elf).map_or(0, |section| section.size);
    let percpu = percpu.keep();
    let told = Told {
        signed: identity.signed,
        uses_gpl: resolved.uses_gpl,
        percpu: percpu.map(|offset| (offset, percpu_bytes)),
    };
    let module = Module {
        id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        identity,
        path: request.path.clone(),
        this,
        init,
        exit,
        image: RwLock::new(image),
        exports,
        params,
        uses: lookup.into_uses(),
        percpu,
        taints: AtomicU64::new(taints.bits()),
        late,
        uevents: Default::default(),
        state: AtomicU32::new(State::Unformed as u32),
        dead: AtomicBool::new(false),
    };
    // One reference more while it is being initialised.
    let ready = members::write(&module, told).and_then(|()| links::make(&module));
    if let Err(e) = ready.and_then(|()| REFCNT.put(module.this, REF_BASE + 1)) {
        let list = write_list();
        links::leave(&module);
        drop(list);
        let_go(&module);
        return Err(e.into());
    }
    Ok(module)
}

/// What sections tell that hold neither code nor data (`find_module_sections`, `check_module_license_and_versions`).
fn sections(elf: &kofile::Elf<'_>, identity: &Identity, taints: &mut Taints) {
    if elf.alloc_section_by_name("__obsparm").is_some() {
        log::line(4, &format!("{}: Ignoring obsolete parameters", identity.name));
    }
    if loader::series() < super::TAINTS_LATE {
        taints.names(identity, taint::has(Taint::ProprietaryModule));
    }
    let unversioned = |symbols, crcs| {
        let size = elf.alloc_section_by_name(symbols).map_or(0, |s| s.size);
        size > 0 && elf.alloc_section_by_name(crcs).is_none()
    };
    let versions = profile().export("module_layout").is_some_and(|e| e.crc.is_some());
    if versions && (unversioned("__ksymtab", "__kcrctab") || unversioned("__ksymtab_gpl", "__kcrctab_gpl")) {
        taints.forced(identity, "no versions for exported symbols");
    }
}

/// Gives back what a module holds of others.
pub(super) fn let_go(module: &Module) {
    for used in &module.uses {
        // A module that destroyed its own structure keeps its count.
        let _ = used.put();
    }
    if let Some(offset) = module.percpu {
        percpu::free(offset);
    }
    members::free(module.id);
}

fn exported(
    file: &kofile::Module<'_>,
    values: &[u64],
    symbols: &kofile::Symbols<'_>,
) -> Result<HashMap<String, Exported>, LoadError> {
    let mut out = HashMap::new();
    let exports = file.exports()?;
    if exports.is_empty() {
        return Ok(out);
    }
    let by_name: HashMap<&[u8], u64> =
        symbols.iter().zip(values).filter(|(s, _)| !s.is_undefined()).map(|(s, v)| (s.name().as_bytes(), *v)).collect();
    for export in exports {
        // A name without a symbol behind it is taken all the same.
        let value = by_name.get(export.name.as_bytes()).copied().unwrap_or(0);
        let namespace = export.namespace.map(|n| n.to_string()).filter(|n| !n.is_empty());
        let exported = Exported { value, crc: export.crc, gpl_only: export.gpl_only, namespace };
        out.insert(export.name.to_string(), exported);
    }
    Ok(out)
}
