use super::*;

const ADDR: u64 = 0x1080_0000;
const SIZE: usize = 0x400;

/// An image of a module `m` with a good header: its name behind the header, code at 0x200.
struct Made(Vec<u8>);

impl Made {
    fn new() -> Self {
        let mut made = Self(vec![0; SIZE]);
        made.0[at::LEN as usize] = b'm';
        made.put(at::SIZE_OF_STRUCT, at::LEN).put(at::NAME, ADDR + at::LEN).put(at::SIZE, SIZE as u64);
        made.put(at::INIT, ADDR + 0x200).put(at::CLEANUP, ADDR + 0x210);
        made
    }

    fn put(&mut self, offset: u64, value: u64) -> &mut Self {
        self.0[offset as usize..][..8].copy_from_slice(&value.to_le_bytes());
        self
    }

    fn check(&self) -> Result<Header, Wrong> {
        check(&self.0, ADDR, SIZE as u64, b"m")
    }

    /// The errno and the first line of the log.
    fn refusal(&self) -> (i32, String) {
        let wrong = self.check().unwrap_err();
        (wrong.errno.0, wrong.lines.first().cloned().unwrap_or_default())
    }
}

#[test]
fn a_good_header_is_believed() {
    let header = Made::new().check().unwrap();
    assert_eq!((header.init, header.cleanup, header.size), (ADDR + 0x200, ADDR + 0x210, SIZE as u64));
    assert_eq!((header.syms, header.deps, header.protection), (vec![], vec![], None));
    // No functions at all, and the shortest header (without can_unload), which 2.2's modutils send.
    let mut made = Made::new();
    made.put(at::INIT, 0).put(at::CLEANUP, 0).put(at::SIZE_OF_STRUCT, at::PERSIST_START).put(at::CAN_UNLOAD, 1);
    assert_eq!(made.check().unwrap().can_unload, 0);
}

// Each refusal with 2.4's words: kernel/module.c, sys_init_module.
#[test]
fn each_pointer_must_lie_behind_the_header_and_in_the_image() {
    let outside = [0, 1, ADDR, ADDR + at::LEN - 1, ADDR + SIZE as u64 + 1, u64::MAX];
    for (offset, what, zero) in [
        (at::NAME, "mod->name out of bounds.", false),
        (at::INIT, "mod->init out of bounds.", true),
        (at::CLEANUP, "mod->cleanup out of bounds.", true),
        (at::CAN_UNLOAD, "mod->can_unload out of bounds.", true),
    ] {
        for value in outside.into_iter().filter(|v| !(zero && *v == 0)) {
            let got = Made::new().put(offset, value).refusal();
            assert_eq!(got, (22, format!("init_module: {what}")), "{value:#x}");
        }
    }
}

#[test]
fn tables_must_fit() {
    for (count, pointer, len, what) in [(at::NSYMS, at::SYMS, 16, "syms"), (at::NDEPS, at::DEPS, 24, "deps")] {
        let message = (22, format!("init_module: mod->{what} out of bounds."));
        let put = |n: u64, address: u64| {
            let mut made = Made::new();
            let old = u64::from_le_bytes(made.0[at::NSYMS as usize..][..8].try_into().unwrap());
            made.put(at::NSYMS, old | if count == at::NSYMS { n } else { n << 32 }).put(pointer, address);
            made
        };
        assert_eq!(put(1, ADDR + SIZE as u64 - len + 1).refusal(), message);
        assert_eq!(put(u64::from(u32::MAX), ADDR + 0x100).refusal(), message);
        assert_eq!(put(1, 0).refusal(), message);
    }
}

#[test]
fn names_of_symbols_lie_in_the_image() {
    let mut made = Made::new();
    made.put(at::NSYMS, 1).put(at::SYMS, ADDR + 0x300).put(0x300, 77).put(0x308, ADDR + 0x320);
    made.0[0x320..0x324].copy_from_slice(b"sym\0");
    assert_eq!(made.check().unwrap().syms, [Symbol { value: 77, name: b"sym".to_vec() }]);
    for name in [0, ADDR - 1, ADDR + SIZE as u64, u64::MAX] {
        assert_eq!(made.put(0x308, name).refusal().1, "init_module: mod->syms out of bounds.");
    }
}

#[test]
fn sizes_are_checked_first() {
    for size in [0, at::PERSIST_START - 1, at::MOST + 1, u64::MAX] {
        let wrong = Made::new().put(at::SIZE_OF_STRUCT, size).check().unwrap_err();
        assert_eq!((wrong.errno, wrong.lines.len()), (EINVAL, 2));
        assert_eq!(wrong.lines[0], "init_module: Invalid module header size.");
    }
    let larger = Made::new().put(at::SIZE, SIZE as u64 + 1).refusal();
    assert_eq!(larger.1, "init_module: Size of initialized module exceeds size of created module.");
}

#[test]
fn memory_that_ends_is_a_fault() {
    let made = Made::new();
    for len in [0, 7, 100, SIZE - 1] {
        let wrong = check(&made.0[..len], ADDR, SIZE as u64, b"m").unwrap_err();
        assert_eq!(wrong.errno, EFAULT, "{len}");
    }
}

#[test]
fn the_name_stays_what_it_was() {
    let mut made = Made::new();
    made.0[at::LEN as usize] = b'n';
    assert_eq!(made.refusal(), (22, "init_module: changed module name to `n' from `m'".into()));
    made.0[at::LEN as usize] = 0;
    assert_eq!(made.refusal(), (22, "init_module: get_mod_name failure.".into()));
    made.0[at::LEN as usize..].fill(b'x');
    assert_eq!(made.refusal(), (14, "init_module: get_mod_name failure.".into()));
}

#[test]
fn the_other_members_are_checked() {
    for (changes, what) in [
        (&[(at::FLAGS, flag::RUNNING)][..], "mod->flags invalid."),
        (&[(at::EX_TABLE_START, ADDR + 0x300), (at::EX_TABLE_END, ADDR + 0x2f0)], "mod->ex_table_* invalid."),
        (&[(at::EX_TABLE_START, ADDR + 0x300), (at::EX_TABLE_END, ADDR + 0x308)], "mod->ex_table_* invalid."),
        (&[(at::EX_TABLE_START, ADDR + 0x300), (at::EX_TABLE_END, ADDR + 0x400)], "mod->ex_table_* invalid."),
        (&[(at::KALLSYMS_END, 5)], "mod->kallsyms out of bounds."),
        (&[(at::KALLSYMS_START, 5)], "mod->kallsyms invalid."),
        (&[(at::ARCHDATA_END, ADDR)], "mod->archdata out of bounds."),
        (&[(at::ARCHDATA_START, ADDR + 0x310), (at::ARCHDATA_END, ADDR + 0x300)], "mod->archdata invalid."),
        (&[(at::KERNEL_DATA, 1)], "mod->kernel_data must be zero."),
    ] {
        let mut made = Made::new();
        for (offset, value) in changes {
            made.put(*offset, *value);
        }
        assert_eq!(made.refusal(), (22, format!("init_module: {what}")));
    }
    let mut made = Made::new();
    made.put(at::FLAGS, flag::AUTOCLEAN).put(at::EX_TABLE_START, ADDR + 0x300).put(at::EX_TABLE_END, ADDR + 0x320);
    assert_eq!(made.check().unwrap().flags, flag::AUTOCLEAN);
}

#[test]
fn protection_covers_whole_pages_of_the_image() {
    let page = 0x1000;
    let with = |start: u64, end: u64, access: u64| {
        let mut made = Made::new();
        made.put(at::ARCHDATA_START, ADDR + 0x300).put(at::ARCHDATA_END, ADDR + 0x320);
        made.0[0x300..0x308].copy_from_slice(&archdata::MAGIC);
        made.put(0x308, start).put(0x310, end).put(0x318, access);
        made.check()
    };
    assert_eq!(with(ADDR, ADDR + page, 4).unwrap().protection, Some(vec![(ADDR..ADDR + page, 4)]));
    for (start, end, access) in [
        (ADDR, ADDR + page, 7),
        (ADDR, ADDR + 2 * page, 4),
        (ADDR - page, ADDR, 4),
        (ADDR + 8, ADDR + page, 4),
        (ADDR + page, ADDR, 4),
        (0, u64::MAX, 4),
    ] {
        assert_eq!(with(start, end, access), Err(Wrong { errno: EINVAL, lines: vec![] }));
    }
}

/// Whatever the bytes, the answer is one; what is believed lies in the image.
#[test]
fn any_bytes_have_an_answer() {
    let mut dice = 1u64;
    let mut throw = move || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        dice >> 33
    };
    let interesting = [0, 1, 7, ADDR, ADDR + at::LEN, ADDR + 0x200, ADDR + 0x3f0, u64::MAX, 1 << 32, 0x4000_0000];
    let mut believed = 0;
    for _ in 0..200_000 {
        let mut made = Made::new();
        for _ in 0..throw() % 4 {
            let offset = throw() % (SIZE as u64 - 8);
            let value = interesting[throw() as usize % interesting.len()].wrapping_add(throw() % 32);
            made.put(if throw() % 3 == 0 { offset } else { (offset % at::LEN) & !7 }, value);
        }
        made.0.truncate(if throw() % 8 == 0 { throw() as usize % SIZE } else { SIZE });
        let Ok(header) = made.check() else { continue };
        believed += 1;
        assert!(header.size <= SIZE as u64 && made.0.len() as u64 >= header.size);
        for function in [header.init, header.cleanup, header.can_unload] {
            assert!(function == 0 || (ADDR + 112..=ADDR + header.size).contains(&function));
        }
    }
    assert!(believed > 1000, "{believed}");
}
