//! The built-in parameters that lkm's own kernel has: what the command line and /sys/module set. Counterpart:
//! kernel/params.c and the `module_param`s of what is built in.

use crate::klib::kstrtox::{parse_bool, parse_signed, parse_unsigned};
use crate::log::log;
use crate::{cmdline, env, fault};
use kabi::KResult;
use kabi::errno::{EPERM, ERANGE, EROFS};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

/// Such a parameter.
pub(crate) enum Own {
    Bool(&'static AtomicBool),
    /// Once true, for good (`param_set_bool_enable_only`).
    EnableOnly(&'static AtomicBool),
    Int(&'static AtomicI32),
    Long(&'static AtomicU64),
    /// A text of the command line.
    Fixed(Option<Vec<u8>>),
}

impl Own {
    /// The one of this name.
    pub(crate) fn find(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("printk", "time") => Self::Bool(&log().settings().time),
            ("printk", "ignore_loglevel") => Self::Bool(&log().settings().ignore_loglevel),
            ("module", "sig_enforce") => Self::EnableOnly(&env::SIG_ENFORCED),
            ("kernel", "module_blacklist") => Self::Fixed(cmdline::module_blacklist()),
            ("kernel", "panic") => Self::Int(&fault::PANIC_TIMEOUT),
            ("kernel", "panic_on_warn") => Self::Int(&fault::PANIC_ON_WARN),
            ("kernel", "panic_print") => Self::Long(&fault::PANIC_PRINT),
            _ => return None,
        })
    }

    /// Its value as sysfs shows it, without a newline.
    pub(crate) fn get(&self) -> String {
        match self {
            Self::Bool(var) | Self::EnableOnly(var) => if var.load(Ordering::Relaxed) { "Y" } else { "N" }.to_string(),
            Self::Int(var) => var.load(Ordering::Relaxed).to_string(),
            Self::Long(var) => var.load(Ordering::Relaxed).to_string(),
            Self::Fixed(text) => {
                text.as_ref().map_or_else(|| "(null)".into(), |text| String::from_utf8_lossy(text).into_owned())
            }
        }
    }

    /// Sets it.
    ///
    /// # Errors
    /// `EINVAL` and `ERANGE` for a bad value, `EROFS` for one that cannot be taken back, `EPERM` for what only the command
    /// line sets.
    pub(crate) fn set(&self, text: &[u8]) -> KResult {
        match self {
            Self::Bool(var) => var.store(parse_bool(text)?, Ordering::Relaxed),
            Self::EnableOnly(var) if !parse_bool(text)? && var.load(Ordering::Relaxed) => return Err(EROFS.into()),
            Self::EnableOnly(var) => {
                var.fetch_or(parse_bool(text)?, Ordering::Relaxed);
            }
            Self::Int(var) => {
                var.store(i32::try_from(parse_signed(text, 0)?).map_err(|_| ERANGE)?, Ordering::Relaxed);
            }
            Self::Long(var) => var.store(parse_unsigned(text, 0)?, Ordering::Relaxed),
            Self::Fixed(_) => return Err(EPERM.into()),
        }
        Ok(())
    }
}
