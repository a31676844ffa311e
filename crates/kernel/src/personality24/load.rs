//! `create_module(2)` and `init_module(2)`. Counterpart: `sys_create_module`, `sys_init_module` of kernel/module.c of
//! Linux 2.4.
//!
//! DIFFERS: `init_module` of a module that is initialised already is refused (`EBUSY`); 2.4 writes the new image over the
//! running one. An image is at most [`MOST_IMAGE`] bytes long; there are at most [`MOST_MODULES`], each referred to at most
//! [`MOST_REFS`] times: answers must fit into messages.

use super::header::{self, Header};
use super::{Entry, List, Stage, call, list, name_of, privileged, refused};
use crate::module::load::LoadError;
use crate::module::{Module, State, adopt};
use kabi::Errno;
use kabi::errno::{EBUSY, EEXIST, EFAULT, EINVAL, ENOENT, ENOMEM};
use loader::{Image, LogLine, PlacedSection, Refusal};
use machine::arena::{self, Access, Block};
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use wire::Caller;
use wire::legacy::{MOST_IMAGE, REF_LEN, UserString, archdata, flag, header as at};

/// Modules that there can be.
const MOST_MODULES: usize = 1024;
/// References to one module.
const MOST_REFS: usize = 256;

/// Reserves a name and memory: the address at which the image will lie.
pub(super) fn create_module(caller: &Caller, name: UserString, size: u64) -> Result<i64, LoadError> {
    privileged(caller)?;
    let name = name_of(name)?;
    if size < at::LEN + name.len() as u64 + 1 {
        return refused(EINVAL);
    }
    let mut list = list();
    if list.named(&name).is_some() {
        return refused(EEXIST);
    }
    let Some(len) = usize::try_from(size).ok().filter(|_| size <= MOST_IMAGE && list.entries.len() < MOST_MODULES)
    else {
        return refused(ENOMEM);
    };
    let Ok(mut block) = arena::alloc(len) else { return refused(ENOMEM) };
    let addr = block.addr();
    let head = [(at::SIZE_OF_STRUCT, at::LEN), (at::NAME, addr + at::LEN), (at::SIZE, size)];
    let numbers = head.iter().map(|(offset, value)| (*offset, value.to_le_bytes().to_vec()));
    let bytes = block.bytes_mut();
    for (offset, value) in numbers.chain([(at::LEN, name.clone())]) {
        bytes[offset as usize..][..value.len()].copy_from_slice(&value);
    }
    block.protect(0, block.len(), Access::ReadWrite).map_err(Refusal::from)?;
    list.last_id += 1;
    let entry = Entry {
        id: list.last_id,
        name,
        addr,
        created: size,
        size,
        stage: Stage::Created,
        deleted: false,
        block: Some(block),
        module: None,
        cleanup: 0,
        can_unload: 0,
        syms: Vec::new(),
        deps: Vec::new(),
        deps_at: 0,
        refs: Vec::new(),
    };
    list.entries.insert(0, entry);
    list.relink();
    Ok(addr as i64)
}

/// What the caller's memory holds of the image.
fn read_image(fds: Vec<OwnedFd>) -> Result<Vec<u8>, Errno> {
    let mut file = fds.into_iter().next().map(File::from).ok_or(EFAULT)?;
    let mut bytes = Vec::new();
    file.rewind().map_err(|_| EFAULT)?;
    file.take(MOST_IMAGE).read_to_end(&mut bytes).map_err(|_| EFAULT)?;
    Ok(bytes)
}

/// Takes an image over and runs its init function.
pub(super) fn init_module(caller: &Caller, name: UserString, fds: Vec<OwnedFd>) -> Result<i64, LoadError> {
    privileged(caller)?;
    let name = name_of(name)?;
    let (id, init, cleanup, image) = place(&name, fds)?;
    let module = adopt::adopt(String::from_utf8_lossy(&name).into_owned(), image, init, cleanup)?;
    if let Some(entry) = list().get_mut(id) {
        entry.module = Some(Arc::clone(&module));
    }
    match call(init) {
        Ok(0) => {
            module.set_state(State::Live);
            running(id);
            Ok(0)
        }
        Ok(error) => {
            module.set_state(State::Going);
            failed(id, &module);
            // What is no error is a mistake of the module.
            if error > 0 { refused(EBUSY) } else { error_of(error) }
        }
        // Nobody knows what it did: it stays as it is.
        Err(e) => {
            module.set_dead();
            Err(e.into())
        }
    }
}

/// The result of an init function that failed: an errno, or another negative number as it is.
fn error_of(error: i32) -> Result<i64, LoadError> {
    const MOST: i32 = 4095;
    if error >= -MOST { refused(Errno(-error)) } else { Ok(error.into()) }
}

/// Checks the image and lays it into the module's memory. From then on its init function counts as running.
fn place(name: &[u8], fds: Vec<OwnedFd>) -> Result<(u64, u64, u64, Image), LoadError> {
    let mut list = list();
    let Some(entry) = list.named(name) else { return refused(ENOENT) };
    if entry.stage != Stage::Created {
        return refused(EBUSY);
    }
    let (id, addr, created) = (entry.id, entry.addr, entry.created);
    let bytes = read_image(fds).map_err(Refusal::silent)?;
    let header = header::check(&bytes, addr, created, name).map_err(|wrong| {
        let log = wrong.lines.into_iter().map(LogLine::err).collect();
        Refusal { log, ..Refusal::silent(wrong.errno) }
    })?;
    let deps = dependencies(&list, addr, &header)?;
    // What an init function that failed referred to before.
    drop_references(&mut list, id, false);
    let entry = list.get_mut(id).ok_or(Refusal::silent(ENOENT))?;
    let Some(mut block) = entry.block.take() else { return refused(EBUSY) };
    let len = header.size as usize;
    block.bytes_mut()[..len].copy_from_slice(bytes.get(..len).unwrap_or_default());
    protect(&block, &header)?;
    let image = image(block, &header);
    (entry.size, entry.cleanup, entry.can_unload) = (header.size, header.cleanup, header.can_unload);
    (entry.syms, entry.deps_at, entry.deps) = (header.syms, header.deps_at, deps.clone());
    entry.set_usecount(1);
    entry.set_stage(Stage::Initializing);
    refer(&mut list, id, addr, &deps);
    Ok((id, header.init, header.cleanup, image))
}

/// The modules that the image refers to.
fn dependencies(list: &List, addr: u64, header: &Header) -> Result<Vec<u64>, Refusal> {
    let complaint = |what: &str| Refusal::logged(EINVAL, LogLine::err(format!("init_module: {what}")));
    let dependency = |dep: &u64| {
        if *dep == addr {
            return Err(complaint("self-referential dependency in mod->deps."));
        }
        let found = list.at(*dep).filter(|e| !e.deleted);
        if found.is_some_and(|e| e.refs.len() + header.deps.len() > MOST_REFS) {
            return Err(complaint("too many references to a module."));
        }
        found.map(|e| e.id).ok_or_else(|| complaint("found dependency that is (no longer?) a module."))
    };
    header.deps.iter().map(dependency).collect()
}

/// Enters the references into the lists of those that are referred to.
fn refer(list: &mut List, id: u64, addr: u64, deps: &[u64]) {
    let deps_at = list.get(id).map_or(0, |e| e.deps_at);
    for (row, dep) in deps.iter().enumerate() {
        let place = kabi::KPtr::<()>::new(deps_at + row as u64 * REF_LEN);
        let _ = place.put(8, addr);
        if let Some(used) = list.get_mut(*dep) {
            used.refs.insert(0, (id, row));
            used.change_flags(flag::USED_ONCE, 0);
        }
    }
    list.relink();
    for dep in deps {
        list.get(*dep).into_iter().for_each(|used| list.relink_refs(used));
    }
    list.get(id).into_iter().for_each(|own| list.relink_refs(own));
}

/// Takes a module's references back; `tag` marks those that nobody refers to any more, for `delete_module(NULL)`.
pub(super) fn drop_references(list: &mut List, id: u64, tag: bool) {
    let deps = list.get_mut(id).map(|e| std::mem::take(&mut e.deps)).unwrap_or_default();
    for dep in deps {
        if let Some(used) = list.get_mut(dep) {
            used.refs.retain(|(user, _)| *user != id);
            if tag && used.refs.is_empty() {
                used.change_flags(flag::JUST_FREED, 0);
            }
        }
        list.get(dep).into_iter().for_each(|used| list.relink_refs(used));
    }
}

/// DIFFERS: where the image says what is code (lkm's insmod does), no page is writable and executable; elsewhere every page
/// is, as all are on 2.4.
fn protect(block: &Block, header: &Header) -> Result<(), Refusal> {
    let Some(protection) = &header.protection else {
        return Ok(block.protect(0, block.len(), Access::ReadWriteExecute)?);
    };
    block.protect(0, block.len(), Access::ReadWrite)?;
    for (range, access) in protection {
        let access = match *access {
            archdata::EXECUTE => Access::Execute,
            archdata::WRITE => Access::ReadWrite,
            _ => Access::Read,
        };
        block.protect((range.start - block.addr()) as usize, (range.end - range.start) as usize, access)?;
    }
    Ok(())
}

/// The image as reports see it.
fn image(block: Block, header: &Header) -> Image {
    let section = |start: u64, end: u64, exec: bool| PlacedSection {
        name: if exec { ".text" } else { ".data" }.to_string(),
        addr: start,
        size: end.saturating_sub(start),
        init: false,
        exec,
        note: false,
    };
    let sections = match &header.protection {
        Some(rows) => rows.iter().map(|(r, access)| section(r.start, r.end, *access == archdata::EXECUTE)).collect(),
        None => vec![section(block.addr(), block.addr() + header.size, true)],
    };
    let names: Vec<_> = header.syms.iter().map(|s| (String::from_utf8_lossy(&s.name), s.value)).collect();
    // What insmod adds for ksymoops names places that have better names.
    let own = names.iter().filter(|(name, _)| !name.starts_with("__insmod_")).map(|(name, value)| (&**name, *value));
    let functions = [("init_module", header.init), ("cleanup_module", header.cleanup)];
    let symbols: Vec<_> = own.chain(functions.into_iter().filter(|(_, address)| *address != 0)).collect();
    Image::linked(block, header.size as usize, sections, &symbols)
}

/// Init succeeded.
fn running(id: u64) {
    if let Some(entry) = list().get_mut(id) {
        entry.add_use(-1);
        entry.set_stage(Stage::Running);
    }
}

/// Init failed: the module has memory again, and can be removed or initialised anew.
fn failed(id: u64, module: &Arc<Module>) {
    let block = adopt::release(module);
    let mut list = list();
    if let Some(entry) = list.get_mut(id) {
        (entry.block, entry.module) = (block, None);
        entry.set_usecount(0);
        entry.set_stage(Stage::Created);
    }
}
