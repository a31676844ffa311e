//! Seccomp filters: a table of system calls becomes a BPF program. Counterpart: `kernel/seccomp.c`.
//!
//! A [`Filter`] decides by the call's number and, where a rule says so, by the low 32 bits of one argument (all that
//! the kernel looks at for the `int` arguments that rules here test). Calls of another architecture (`int 0x80`, x32) never
//! match a rule.

use crate::check;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// What the kernel does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Runs it.
    Allow,
    /// Fails it with this errno.
    Errno(i32),
    /// Hands it to the listener.
    Notify,
}

impl Action {
    fn code(self) -> u32 {
        match self {
            Self::Allow => libc::SECCOMP_RET_ALLOW,
            Self::Errno(errno) => libc::SECCOMP_RET_ERRNO | (errno.unsigned_abs() & libc::SECCOMP_RET_DATA),
            Self::Notify => libc::SECCOMP_RET_USER_NOTIF,
        }
    }
}

/// A condition on the low 32 bits of an argument.
#[derive(Debug, Clone, Copy)]
pub enum Test<'a> {
    /// It is one of these values.
    OneOf(&'a [u32]),
    /// It has all of these bits.
    Has(u32),
}

const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
const X32_BIT: u32 = 0x4000_0000;

// Offsets in struct seccomp_data.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGS: u32 = 16;

/// A filter under construction.
#[derive(Debug, Clone)]
pub struct Filter {
    code: Vec<libc::sock_filter>,
    otherwise: Action,
}

impl Filter {
    /// A filter that answers `otherwise` to every call for which no rule is added.
    pub fn new(otherwise: Action) -> Self {
        let code = vec![
            op(LOAD_WORD, ARCH, 0, 0),
            op(JUMP_EQUAL, AUDIT_ARCH_X86_64, 1, 0),
            op(RETURN, otherwise.code(), 0, 0),
            op(LOAD_WORD, NUMBER, 0, 0),
            op(JUMP_AT_LEAST, X32_BIT, 0, 1),
            op(RETURN, otherwise.code(), 0, 0),
        ];
        Self { code, otherwise }
    }

    /// Answers `action` to the call `number`.
    #[must_use]
    pub fn rule(mut self, number: libc::c_long, action: Action) -> Self {
        self.code.push(op(JUMP_EQUAL, number_of(number), 0, 1));
        self.code.push(op(RETURN, action.code(), 0, 0));
        self
    }

    /// Answers `action` to the call `number` if its argument `index` (from 0) passes the test, else the default.
    ///
    /// # Panics
    /// If the index is above 5 or there are more than 200 values: a mistake in the caller's table.
    #[must_use]
    pub fn rule_if(mut self, number: libc::c_long, index: u32, test: Test<'_>, action: Action) -> Self {
        assert!(index < 6, "a system call has 6 arguments, not {index}");
        let mut block = vec![op(LOAD_WORD, ARGS + 8 * index, 0, 0)];
        match test {
            Test::OneOf(values) => {
                for value in values {
                    block.push(op(JUMP_EQUAL, *value, 0, 1));
                    block.push(op(RETURN, action.code(), 0, 0));
                }
            }
            Test::Has(bits) => {
                block.push(op(AND, bits, 0, 0));
                block.push(op(JUMP_EQUAL, bits, 0, 1));
                block.push(op(RETURN, action.code(), 0, 0));
            }
        }
        block.push(op(RETURN, self.otherwise.code(), 0, 0));
        let skip = u8::try_from(block.len()).expect("a rule has at most 100 values");
        self.code.push(op(JUMP_EQUAL, number_of(number), 0, skip));
        self.code.append(&mut block);
        self
    }

    fn finished(mut self) -> Vec<libc::sock_filter> {
        self.code.push(op(RETURN, self.otherwise.code(), 0, 0));
        self.code
    }

    /// Puts the filter on all threads of this process, for ever. Needs `no_new_privs` or `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// `EACCES` without either; `EINVAL` for a program the kernel refuses; `ESRCH` when a thread could not follow.
    pub fn install(self) -> io::Result<()> {
        match set_filter(self.finished(), libc::SECCOMP_FILTER_FLAG_TSYNC)? {
            0 => Ok(()),
            _ => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        }
    }

    /// Puts the filter on the calling thread and its future children; the descriptor receives what it answers with
    /// [`Action::Notify`]. See [`crate::notify`].
    ///
    /// # Errors
    /// As [`Filter::install`]; `EBUSY` when a listener is there already.
    pub fn install_with_listener(self) -> io::Result<OwnedFd> {
        const WAIT_KILLABLE_RECV: libc::c_ulong = 1 << 5;
        let code = self.finished();
        let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        let fd = match set_filter(code.clone(), flags | WAIT_KILLABLE_RECV) {
            // Linux before 5.19 has no WAIT_KILLABLE_RECV; a signal then restarts the call.
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) => set_filter(code, flags)?,
            other => other?,
        };
        let fd = i32::try_from(fd).map_err(io::Error::other)?;
        // SAFETY: the kernel made this descriptor for the caller just now.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

fn op(code: u16, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

fn number_of(number: libc::c_long) -> u32 {
    u32::try_from(number).expect("system call numbers are small and positive")
}

fn set_filter(mut code: Vec<libc::sock_filter>, flags: libc::c_ulong) -> io::Result<libc::c_long> {
    let len = u16::try_from(code.len()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let program = libc::sock_fprog { len, filter: code.as_mut_ptr() };
    // SAFETY: the program points to `len` live instructions, which the kernel checks and copies.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Exit, Forked, exit_now, fork};

    #[test]
    fn rules_decide_by_number_and_argument() {
        let Forked::Parent(child) = fork().unwrap() else {
            rustix::thread::set_no_new_privs(true).unwrap();
            Filter::new(Action::Allow)
                .rule(libc::SYS_getppid, Action::Errno(libc::EXDEV))
                .rule_if(libc::SYS_getpgid, 0, Test::OneOf(&[0, 77]), Action::Errno(libc::EDOM))
                .install()
                .unwrap();
            // SAFETY: neither call touches memory.
            let got = unsafe { (libc::syscall(libc::SYS_getppid), *libc::__errno_location()) };
            // SAFETY: the call touches no memory.
            let zero = unsafe { (libc::syscall(libc::SYS_getpgid, 0), *libc::__errno_location()) };
            // SAFETY: the call touches no memory.
            let own = unsafe { libc::syscall(libc::SYS_getpgid, libc::getpid()) };
            exit_now(i32::from(got != (-1, libc::EXDEV) || zero != (-1, libc::EDOM) || own == -1))
        };
        assert_eq!(child.wait().unwrap(), Exit::Code(0));
    }
}
