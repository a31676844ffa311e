//! Places sections: four groups, each on pages of its own, once for what stays (core) and once for what goes after
//! init. Counterpart: `layout_sections`, `move_module` of kernel/module/main.c.

use crate::refusal::Refusal;
use kabi::errno::ENOMEM;
use kofile::{Elf, Section};
use machine::arena::{self, Block, PAGE};

/// The groups of sections, in the order in which they lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Instructions.
    Text,
    /// Constants.
    RoData,
    /// Written during init, constant after it.
    RoAfterInit,
    /// Variables.
    Data,
}

const GROUPS: [Group; 4] = [Group::Text, Group::RoData, Group::RoAfterInit, Group::Data];

/// Largest region whose memory is taken at once, in bytes: larger than any of the distributions' modules.
const MOST_AT_ONCE: usize = 64 << 20;

/// Where a section lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It takes no memory at run time.
    Nowhere,
    /// At this offset of the core block.
    Core(usize),
    /// At this offset of the init block.
    Init(usize),
    /// At this offset of every CPU's area.
    PerCpu(u64),
}

/// One block of memory with the ends of its groups, in bytes from its start, whole pages.
#[derive(Debug, Default)]
pub struct Region {
    /// The memory; none if no section belongs here.
    pub block: Option<Block>,
    /// End of each group, in [`Group`] order.
    pub ends: [usize; 4],
    /// Bytes before rounding up to pages.
    pub size: usize,
}

impl Region {
    /// Address of the region; 0 if it has no memory.
    pub fn addr(&self) -> u64 {
        self.block.as_ref().map_or(0, Block::addr)
    }

    fn place(&mut self, section: &Section<'_>, init: bool) -> Result<Place, Refusal> {
        let align = usize::try_from(section.align.max(1)).map_err(|_| too_large(section))?;
        let at = self.size.checked_next_multiple_of(align).ok_or_else(|| too_large(section))?;
        let size = usize::try_from(section.size).map_err(|_| too_large(section))?;
        self.size = at.checked_add(size).filter(|end| *end <= arena::LEN).ok_or_else(|| too_large(section))?;
        Ok(if init { Place::Init(at) } else { Place::Core(at) })
    }

    fn close(&mut self, group: Group) {
        self.size = self.size.next_multiple_of(PAGE);
        self.ends[group as usize] = self.size;
    }

    fn allocate(&mut self) -> Result<(), Refusal> {
        if self.size > 0 {
            let block = arena::alloc(self.size)?;
            // What a file claims without filling it is not taken before it is used.
            if self.size <= MOST_AT_ONCE {
                block.populate();
            }
            self.block = Some(block);
        }
        Ok(())
    }
}

/// A module's memory and the place of each section.
#[derive(Debug)]
pub struct Layout {
    /// What stays.
    pub core: Region,
    /// What goes after init.
    pub init: Region,
    /// By section index.
    pub places: Vec<Place>,
    /// Bytes in use of the core and init regions, without the padding at their ends.
    pub used: (usize, usize),
}

fn too_large(section: &Section<'_>) -> Refusal {
    let (index, name, size, align) = (section.index, section.name, section.size, section.align);
    let detail = format!("section {index} ({name}): {size} bytes aligned to {align} do not fit into the arena");
    Refusal { errno: ENOMEM, log: Vec::new(), detail: Some(detail) }
}

fn group_of(section: &Section<'_>) -> Group {
    let read_only_later = section.name == ".data..ro_after_init" || section.name == "__jump_table";
    match (section.is_exec(), section.is_write()) {
        (true, _) => Group::Text,
        (_, _) if read_only_later => Group::RoAfterInit,
        (_, true) => Group::Data,
        (_, false) => Group::RoData,
    }
}

/// Sections that are read from the file only, though they are marked as memory.
fn is_file_only(section: &Section<'_>) -> bool {
    section.name == ".modinfo" || section.name == "__versions"
}

fn is_init(section: &Section<'_>) -> bool {
    section.name.starts_with(".init")
}

/// The section with the module's per-CPU variables.
pub fn percpu_section<'e, 'a>(elf: &'e Elf<'a>) -> Option<&'e Section<'a>> {
    elf.section_by_name(".data..percpu").filter(|s| s.is_alloc() && s.size > 0)
}

/// Decides where each section goes, takes memory and copies the sections' bytes there.
///
/// `percpu` is the offset that the module's per-CPU variables got in the CPUs' areas.
///
/// # Errors
/// `ENOMEM` when a section does not fit.
pub fn place(elf: &Elf<'_>, percpu: u64) -> Result<Layout, Refusal> {
    arrange(elf, percpu).map_err(|refusal| {
        let detail = refusal.detail.map(|detail| format!("{}: {detail}", elf.file()));
        Refusal { detail, ..refusal }
    })
}

fn arrange(elf: &Elf<'_>, percpu: u64) -> Result<Layout, Refusal> {
    let mut layout = Layout {
        core: Region::default(),
        init: Region::default(),
        places: vec![Place::Nowhere; elf.sections().len()],
        used: (0, 0),
    };
    let percpu_index = percpu_section(elf).map(|s| s.index);
    for group in GROUPS {
        for section in elf.sections().iter().filter(|s| s.is_alloc() && !is_file_only(s) && group_of(s) == group) {
            let place = if percpu_index == Some(section.index) {
                Place::PerCpu(percpu)
            } else if is_init(section) {
                layout.init.place(section, true)?
            } else {
                layout.core.place(section, false)?
            };
            *layout.places.get_mut(section.index).ok_or_else(|| too_large(section))? = place;
        }
        layout.used = (layout.core.size, layout.init.size);
        layout.core.close(group);
        layout.init.close(group);
    }
    layout.core.allocate()?;
    layout.init.allocate()?;
    layout.copy(elf)?;
    Ok(layout)
}

impl Layout {
    /// The address of a section; `None` if it has no memory.
    pub fn address(&self, section: usize) -> Option<u64> {
        match *self.places.get(section)? {
            Place::Nowhere => None,
            Place::Core(offset) => Some(self.core.addr() + offset as u64),
            Place::Init(offset) => Some(self.init.addr() + offset as u64),
            Place::PerCpu(offset) => Some(offset),
        }
    }

    /// The bytes of a section in the module's memory, for the loader to change.
    pub fn bytes_mut(&mut self, section: &Section<'_>) -> Option<&mut [u8]> {
        let (region, offset) = match *self.places.get(section.index)? {
            Place::Core(offset) => (&mut self.core, offset),
            Place::Init(offset) => (&mut self.init, offset),
            Place::Nowhere | Place::PerCpu(_) => return None,
        };
        let size = usize::try_from(section.size).ok()?;
        region.block.as_mut()?.bytes_mut().get_mut(offset..offset.checked_add(size)?)
    }

    fn copy(&mut self, elf: &Elf<'_>) -> Result<(), Refusal> {
        for section in elf.sections().iter().filter(|s| s.is_alloc() && !s.data.is_empty()) {
            if let Some(to) = self.bytes_mut(section) {
                let to = to.get_mut(..section.data.len()).ok_or_else(|| too_large(section))?;
                to.copy_from_slice(section.data);
            }
        }
        Ok(())
    }
}
