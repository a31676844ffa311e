//! What is known: the configuration and the indexes, versions and exports of a file (`show_config`, `show_modversions`,
//! `show_exports` of kmod's `tools/modprobe.c`).

use super::{Done, ENOENT, Modprobe};
use crate::error::strerror;
use crate::output;
use moddb::depmod::{Symbol, exports, versions};
use moddb::dir::Which;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

impl Modprobe {
    /// `-c`
    pub(super) fn show_config(&mut self) -> Done {
        self.out = self.database.config().show();
        self.print(&[b"\n# End of configuration files. Dumping indexes now:\n"]);
        for which in [Which::Aliases, Which::Symbols] {
            let Ok(index) = self.database.dir().index(which) else { continue };
            let (out, mut written) = (&mut self.out, true);
            // What comes before damage is shown.
            let _ = index.for_each(|key, value| {
                for part in [b"alias ", key, b" ", value.value, b"\n"] {
                    out.extend_from_slice(part);
                }
                if written && out.len() > super::MUCH {
                    written = output::write_stdout(out).is_ok();
                    // What could not be written is tried again at the end, which tells why.
                    if written {
                        out.clear();
                    }
                }
            });
        }
        Ok(())
    }

    /// `--show-modversions`
    pub(super) fn show_versions(&mut self, file: &Path) -> Done {
        self.show_symbols(file, "modversions", versions)
    }

    /// `--show-exports`
    pub(super) fn show_exports(&mut self, file: &Path) -> Done {
        self.show_symbols(file, "symbols", exports)
    }

    fn show_symbols(&mut self, file: &Path, what: &str, read: fn(&Path) -> Result<Vec<Symbol>, i32>) -> Done {
        let shown = file.as_os_str().as_bytes();
        if file.as_os_str().is_empty() || std::fs::metadata(file).is_err() {
            return Err(self.complain([b"Module ", shown, b" not found."].concat(), ENOENT));
        }
        let symbols = match read(file) {
            Ok(symbols) => symbols,
            Err(errno) => {
                let (head, tail) = (format!("could not get {what} of "), format!(": {}", strerror(errno)));
                return Err(self.complain([head.as_bytes(), shown, tail.as_bytes()].concat(), errno));
            }
        };
        for symbol in symbols {
            let crc = format!("0x{:08x}\t", symbol.crc);
            self.print(&[crc.as_bytes(), &symbol.name]);
        }
        Ok(())
    }
}
