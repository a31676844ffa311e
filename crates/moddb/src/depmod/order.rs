//! The order of the modules: that of `modules.order`, then that of kmod's hash table (`depmod_modules_sort`).

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;

use super::{Listener, Module, Options, hash, message, text};

/// The longest line of `modules.order`; a longer one is damage.
const LONGEST: usize = 4095;

/// Brings the modules into their order.
pub(super) fn sort(modules: &mut [Module], options: &Options, to: &mut dyn Listener) {
    modules.sort_unstable_by(|a, b| hash::rank(&a.name, hash::MODULES).cmp(&hash::rank(&b.name, hash::MODULES)));
    let Some(order) = text::open(&options.directory, "modules.order", to) else { return };
    let lines: Vec<&[u8]> = order.split_inclusive(|byte| *byte == b'\n').collect();
    let corrupt = lines.iter().position(|line| line.len() > LONGEST || line.last() != Some(&b'\n'));
    if let Some(at) = corrupt {
        let (directory, number) = (options.directory.as_os_str().as_bytes(), (at + 1).to_string());
        message!(to, Error, directory, b"/modules.order:", number, b" corrupted line misses '\\n'");
        return;
    }
    let places: HashMap<&[u8], usize> =
        lines.iter().enumerate().map(|(at, line)| (line.strip_suffix(b"\n").unwrap_or(line), at)).collect();
    modules.sort_by_cached_key(|module| places.get(uncompressed(module)).copied().unwrap_or(usize::MAX));
}

/// The path in the module directory as it would be without compression.
fn uncompressed(module: &Module) -> &[u8] {
    if module.relative == 0 {
        return &[];
    }
    let shown = module.shown();
    let base = shown.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    shown.get(..base + module.name.len() + ".ko".len()).unwrap_or(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depmod::Level;
    use crate::depmod::tests::Heard;

    #[test]
    fn listed_modules_come_first_whatever_their_compression() {
        let directory = std::env::temp_dir().join(format!("moddb-order-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let options = Options { directory: directory.clone(), ..Options::default() };
        let module = |path: &str, name: &str| Module {
            path: format!("{}/{path}", directory.display()).into(),
            relative: directory.as_os_str().len() + 1,
            name: name.into(),
            ..Module::default()
        };
        let sorted = |heard: &mut Heard| {
            let mut modules = [module("k/zz.ko", "zz"), module("k/a-b.ko.xz", "a_b"), module("c.ko.gz", "c")];
            sort(&mut modules, &options, heard);
            modules.map(|module| String::from_utf8(module.name).unwrap())
        };
        let mut heard = Heard::default();
        std::fs::write(directory.join("modules.order"), "c.ko\nk/none.ko\nk/a-b.ko\n").unwrap();
        assert_eq!((sorted(&mut heard), heard.0.len()), (["c", "a_b", "zz"].map(String::from), 0));
        std::fs::write(directory.join("modules.order"), "c.ko\nk/a-b.ko").unwrap();
        let unsorted = sorted(&mut heard);
        assert!(heard.of(Level::Error)[0].ends_with("/modules.order:2 corrupted line misses '\\n'"), "{heard:?}");
        std::fs::remove_file(directory.join("modules.order")).unwrap();
        assert_eq!(sorted(&mut heard), unsorted);
        assert!(heard.of(Level::Warning)[0].starts_with("could not open modules.order at "), "{heard:?}");
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
