//! What 2.4's tools ask of the kernel. Counterpart: util/modstat.c, util/sys_*.c of modutils.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use supervisor::{Calls, Error};
use wire::legacy::{SYMBOL_LEN, UserString, query};
use wire::{Answer, Call, LegacyCall};

/// Why a call did not give what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// It failed with this errno.
    Errno(i32),
    /// The caller died in the kernel, by this signal.
    Killed(i32),
    /// The instance cannot be reached.
    Lost(String),
}

impl Failed {
    /// As `%m` shows it.
    pub fn text(&self) -> String {
        match self {
            Self::Errno(errno) => crate::error::strerror(*errno),
            Self::Killed(signal) => format!("killed by signal {signal}"),
            Self::Lost(what) => what.clone(),
        }
    }
}

/// The result of a call.
pub type Result<T> = std::result::Result<T, Failed>;

/// A symbol that the kernel or a module exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its value.
    pub value: u64,
    /// Its name.
    pub name: String,
}

/// A loaded module (`struct module_stat`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub addr: u64,
    /// Bytes of it.
    pub size: u64,
    /// Its flags.
    pub flags: u64,
    /// Its use count.
    pub usecount: i64,
    /// The modules that use it.
    pub refs: Vec<String>,
}

/// The kernel behind the tools.
pub struct Kernel<'a>(pub &'a dyn Calls);

/// Buffers of this size hold every answer.
const ENOUGH: u64 = 32 << 20;

impl Kernel<'_> {
    fn call(&self, call: LegacyCall, file: Option<&File>) -> Result<Answer> {
        let fds: Vec<_> = file.iter().map(|file| file.as_fd()).collect();
        self.0.call(Call::Legacy(call), &fds).map_err(|error| match error {
            Error::Errno(errno) => Failed::Errno(errno),
            Error::Killed { signal } => Failed::Killed(signal),
            other => Failed::Lost(other.to_string()),
        })
    }

    fn name(name: &str) -> UserString {
        Ok(name.as_bytes().to_vec())
    }

    /// `create_module(2)`: where the module will lie.
    pub fn create(&self, name: &str, size: u64) -> Result<u64> {
        match self.call(LegacyCall::CreateModule { name: Self::name(name), size }, None)? {
            Answer::Value(address) => Ok(address as u64),
            other => Err(unexpected(&other)),
        }
    }

    /// `init_module(2)`.
    pub fn init(&self, name: &str, image: &[u8]) -> Result<()> {
        let file = crate::backend::in_memory(image).map_err(|error: io::Error| Failed::Lost(error.to_string()))?;
        self.call(LegacyCall::InitModule { name: Self::name(name) }, Some(&file)).map(drop)
    }

    /// `delete_module(2)`; no name stands for all that nobody uses.
    pub fn delete(&self, name: Option<&str>) -> Result<()> {
        self.call(LegacyCall::DeleteModule { name: name.map(Self::name) }, None).map(drop)
    }

    /// `query_module(2)`: the buffer, and `*ret`.
    fn query(&self, name: Option<&str>, which: i32) -> Result<(Vec<u8>, u64)> {
        let call = LegacyCall::QueryModule { name: name.map(Self::name), which, size: ENOUGH };
        match self.call(call, None)? {
            Answer::Legacy(reply) if reply.errno == 0 => Ok((reply.data, reply.ret.unwrap_or(0))),
            Answer::Legacy(reply) => Err(Failed::Errno(reply.errno)),
            other => Err(unexpected(&other)),
        }
    }

    fn names(&self, name: Option<&str>, which: i32) -> Result<Vec<String>> {
        let (data, count) = self.query(name, which)?;
        let names = data.split(|&c| c == 0).map(|name| String::from_utf8_lossy(name).into_owned());
        Ok(names.take(usize::try_from(count).unwrap_or(0)).collect())
    }

    /// The symbols of a module, or of the kernel.
    pub fn symbols(&self, name: Option<&str>) -> Result<Vec<Symbol>> {
        let (data, count) = self.query(name, query::SYMBOLS)?;
        let rows = data.chunks_exact(SYMBOL_LEN as usize).take(usize::try_from(count).unwrap_or(0));
        let symbol = |row: &[u8]| {
            let mut numbers = row.as_chunks::<8>().0.iter().map(|n| u64::from_le_bytes(*n));
            let (value, at) = (numbers.next()?, usize::try_from(numbers.next()?).ok()?);
            let name = data.get(at..)?.split(|&c| c == 0).next()?;
            Some(Symbol { value, name: String::from_utf8_lossy(name).into_owned() })
        };
        Ok(rows.filter_map(symbol).collect())
    }

    /// All loaded modules, the newest first. One that goes meanwhile is left out.
    pub fn modules(&self) -> Result<Vec<Module>> {
        let mut modules = Vec::new();
        for name in self.names(None, query::MODULES)? {
            const ENOENT: i32 = 2;
            match self.module(name) {
                Err(Failed::Errno(ENOENT)) => {}
                other => modules.push(other?),
            }
        }
        Ok(modules)
    }

    fn module(&self, name: String) -> Result<Module> {
        let (info, _) = self.query(Some(&name), query::INFO)?;
        let mut numbers = info.as_chunks::<8>().0.iter().map(|n| u64::from_le_bytes(*n));
        let mut number = || numbers.next().unwrap_or(0);
        let (addr, size, flags, usecount) = (number(), number(), number(), number() as i64);
        let refs = self.names(Some(&name), query::REFS)?;
        Ok(Module { name, addr, size, flags, usecount, refs })
    }
}

fn unexpected(answer: &Answer) -> Failed {
    let text: String = format!("{answer:?}").chars().take(80).collect();
    Failed::Lost(format!("the instance gave an answer of the wrong kind: {text}"))
}
