//! Seccomp filters: a table of system calls becomes a BPF program. Counterpart: `kernel/seccomp.c`.
//!
//! A [`Filter`] decides by the call's number and, where a rule says so, by the low 32 bits of one argument (all that
//! the kernel looks at for the `int` arguments that rules here test). Calls of another architecture (`int 0x80`, x32) never
//! match such a rule; those of 32-bit programs have rules of their own.

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

/// A condition on an argument; but for the last one, on its low 32 bits.
#[derive(Debug, Clone, Copy)]
pub enum Test<'a> {
    /// It is one of these values.
    OneOf(&'a [u32]),
    /// It has all of these bits.
    Has(u32),
    /// It has one of these bits at least.
    HasAny(u32),
    /// All of it is below this.
    Below(u32),
}

impl Test<'_> {
    /// Returns `code` if the argument `index` (from 0) passes, and goes on behind the block if it does not.
    fn block(self, index: u32, code: u32) -> Block {
        assert!(index < 6, "a system call has 6 arguments, not {index}");
        let low = op(LOAD_WORD, ARGS + 8 * index, 0, 0);
        let pass = op(RETURN, code, 0, 0);
        match self {
            Self::OneOf(values) => {
                assert!(values.len() <= 100, "a rule has at most 100 values, not {}", values.len());
                let checks = values.iter().flat_map(|value| [op(JUMP_EQUAL, *value, 0, 1), pass]);
                std::iter::once(low).chain(checks).collect()
            }
            Self::HasAny(bits) => vec![low, op(AND, bits, 0, 0), op(JUMP_EQUAL, 0, 1, 0), pass],
            Self::Has(bits) => vec![low, op(AND, bits, 0, 0), op(JUMP_EQUAL, bits, 0, 1), pass],
            Self::Below(limit) => {
                let high = op(LOAD_WORD, ARGS + 8 * index + 4, 0, 0);
                vec![high, op(JUMP_EQUAL, 0, 0, 3), low, op(JUMP_AT_LEAST, limit, 1, 0), pass]
            }
        }
    }
}

const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const JUMP_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
const AUDIT_ARCH_I386: u32 = 0x4000_0003;
const X32_BIT: u32 = 0x4000_0000;

// Offsets in struct seccomp_data.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGS: u32 = 16;

/// The program of a rule: what runs once the number is known to be the rule's. Ends on every path.
type Block = Vec<libc::sock_filter>;

/// A filter under construction.
#[derive(Debug, Clone)]
pub struct Filter {
    rules: Vec<(u32, Block)>,
    of_32_bits: Vec<(u32, Action)>,
    otherwise: Action,
}

impl Filter {
    /// A filter that answers `otherwise` to every call for which no rule is added.
    pub fn new(otherwise: Action) -> Self {
        Self { rules: Vec::new(), of_32_bits: Vec::new(), otherwise }
    }

    /// Answers `action` to the call `number`. Of several rules for one number the first counts.
    #[must_use]
    pub fn rule(mut self, number: libc::c_long, action: Action) -> Self {
        self.rules.push((number_of(number), vec![op(RETURN, action.code(), 0, 0)]));
        self
    }

    /// Answers `action` to the call `number` of a 32-bit program (`arch/x86/entry/syscalls/syscall_32.tbl`).
    #[must_use]
    pub fn rule_of_32_bits(mut self, number: libc::c_long, action: Action) -> Self {
        self.of_32_bits.push((number_of(number), action));
        self
    }

    /// Answers `action` to the call `number` if its argument `index` (from 0) passes the test, else the default.
    ///
    /// # Panics
    /// If the index is above 5 or there are more than 100 values: a mistake in the caller's table.
    #[must_use]
    pub fn rule_if(self, number: libc::c_long, index: u32, test: Test<'_>, action: Action) -> Self {
        self.rule_if_any(number, &[(index, test)], action)
    }

    /// [`Filter::rule_if`] with several tests, of which one must pass.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn rule_if_any(mut self, number: libc::c_long, tests: &[(u32, Test<'_>)], action: Action) -> Self {
        let mut block: Block = tests.iter().flat_map(|(index, test)| test.block(*index, action.code())).collect();
        block.push(op(RETURN, self.otherwise.code(), 0, 0));
        self.rules.push((number_of(number), block));
        self
    }

    /// The whole program: the architecture, then a binary search for the number. The kernel runs a new filter once for
    /// every call there is, so a list that is searched from its start takes four times as long to install.
    fn finished(mut self) -> Vec<libc::sock_filter> {
        let otherwise = self.otherwise.code();
        let foreign = self.foreign();
        let past = u8::try_from(foreign.len()).expect("there are few rules for calls of 32 bits");
        let mut code = vec![op(LOAD_WORD, ARCH, 0, 0), op(JUMP_EQUAL, AUDIT_ARCH_X86_64, past, 0)];
        code.extend(foreign);
        code.extend([op(LOAD_WORD, NUMBER, 0, 0), op(JUMP_AT_LEAST, X32_BIT, 0, 1), op(RETURN, otherwise, 0, 0)]);
        // Stable, and the first of equals is kept.
        self.rules.sort_by_key(|(number, _)| *number);
        self.rules.dedup_by_key(|(number, _)| *number);
        code.extend(search(&self.rules, otherwise));
        code
    }

    /// What runs for calls of another architecture, which is in the accumulator. Ends on every path.
    fn foreign(&self) -> Block {
        let rules = self.of_32_bits.iter();
        let mut checks: Block = rules
            .flat_map(|(number, action)| [op(JUMP_EQUAL, *number, 0, 1), op(RETURN, action.code(), 0, 0)])
            .collect();
        if !checks.is_empty() {
            let past = u8::try_from(checks.len().saturating_add(1)).expect("there are few rules for calls of 32 bits");
            checks.splice(0..0, [op(JUMP_EQUAL, AUDIT_ARCH_I386, 0, past), op(LOAD_WORD, NUMBER, 0, 0)]);
        }
        checks.push(op(RETURN, self.otherwise.code(), 0, 0));
        checks
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

/// Finds the rule for the number in the accumulator and runs its block; `rules` are sorted.
fn search(rules: &[(u32, Block)], otherwise: u32) -> Vec<libc::sock_filter> {
    const FEW: usize = 4;
    let (low, high) = rules.split_at(rules.len() / 2);
    let Some((least, _)) = high.first().filter(|_| rules.len() > FEW) else { return one_by_one(rules, otherwise) };
    let (low, high) = (search(low, otherwise), search(high, otherwise));
    let past_low = u32::try_from(low.len()).expect("a filter has less than 65536 instructions");
    let mut code = vec![op(JUMP_AT_LEAST, *least, 0, 1), op(JUMP, past_low, 0, 0)];
    code.extend(low);
    code.extend(high);
    code
}

fn one_by_one(rules: &[(u32, Block)], otherwise: u32) -> Vec<libc::sock_filter> {
    let mut code = Vec::new();
    for (number, block) in rules {
        let skip = u8::try_from(block.len()).expect("a block has at most 202 instructions");
        code.push(op(JUMP_EQUAL, *number, 0, skip));
        code.extend(block);
    }
    code.push(op(RETURN, otherwise, 0, 0));
    code
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

    /// What the kernel does with a program: its answer for a call whose arguments are all `arg`.
    fn answer(code: &[libc::sock_filter], arch: u32, number: u32, arg: impl Into<u64>) -> u32 {
        let (arg, mut at, mut value) = (arg.into(), 0, 0);
        loop {
            let op = code[at];
            at += 1;
            match op.code {
                LOAD_WORD if op.k == NUMBER => value = number,
                LOAD_WORD if op.k == ARCH => value = arch,
                LOAD_WORD if (op.k - ARGS) % 8 == 4 => value = (arg >> 32) as u32,
                LOAD_WORD => value = arg as u32,
                AND => value &= op.k,
                JUMP => at += op.k as usize,
                JUMP_EQUAL => at += usize::from(if value == op.k { op.jt } else { op.jf }),
                JUMP_AT_LEAST => at += usize::from(if value >= op.k { op.jt } else { op.jf }),
                RETURN => return op.k,
                other => panic!("instruction {other:#x}"),
            }
        }
    }

    #[test]
    fn every_number_meets_its_own_rule() {
        for count in 0..40u32 {
            let number = |i: u32| i * i % 97 * 3;
            let mut filter = Filter::new(Action::Errno(libc::EPERM));
            for i in 0..count {
                filter = match i % 4 {
                    3 => filter.rule_if(number(i).into(), 2, Test::HasAny(9), Action::Allow),
                    0 => filter.rule(number(i).into(), Action::Allow),
                    1 => filter.rule_if(number(i).into(), 0, Test::OneOf(&[7, 9]), Action::Allow),
                    _ => filter.rule_if(number(i).into(), 1, Test::Has(6), Action::Allow),
                };
            }
            let code = filter.finished();
            for (call, arg) in (0..400).flat_map(|call| [6u32, 7, 8, 9, 14].map(|arg| (call, arg))) {
                let allowed = (0..count).find(|i| number(*i) == call).is_some_and(|i| match i % 4 {
                    3 => arg & 9 != 0,
                    0 => true,
                    1 => arg == 7 || arg == 9,
                    _ => arg & 6 == 6,
                });
                let want = if allowed { Action::Allow } else { Action::Errno(libc::EPERM) }.code();
                assert_eq!(answer(&code, AUDIT_ARCH_X86_64, call, arg), want, "{count} rules, call {call}, {arg}");
                let refused = Action::Errno(libc::EPERM).code();
                assert_eq!(answer(&code, AUDIT_ARCH_X86_64, call | X32_BIT, arg), refused);
                assert_eq!(answer(&code, 0x4000_0003, call, arg), refused);
            }
        }
    }

    #[test]
    fn one_of_several_tests_is_enough_and_an_argument_can_be_looked_at_whole() {
        let tests = [(2, Test::OneOf(&[7])), (1, Test::Below(5))];
        let code = Filter::new(Action::Allow).rule_if_any(3, &tests, Action::Notify).finished();
        let notified = |arg: u64| answer(&code, AUDIT_ARCH_X86_64, 3, arg) == Action::Notify.code();
        assert_eq!([0, 4, 5, 6, 7, 8].map(notified), [true, true, false, false, true, false]);
        assert_eq!([1 << 32, 1 << 32 | 4, u64::MAX, 1 << 32 | 7].map(notified), [false, false, false, true]);
    }

    #[test]
    fn calls_of_32_bits_have_rules_of_their_own() {
        let (allow, refused) = (Action::Allow.code(), Action::Errno(libc::ENOSYS).code());
        let filter = Filter::new(Action::Allow).rule(175, Action::Notify);
        let refuse = |filter: Filter, number| filter.rule_of_32_bits(number, Action::Errno(libc::ENOSYS));
        let code = refuse(refuse(filter.clone(), 128), 129).finished();
        for (number, want) in [(127, allow), (128, refused), (129, refused), (130, allow), (175, allow)] {
            assert_eq!(answer(&code, AUDIT_ARCH_I386, number, 0u32), want, "{number}");
            assert_eq!(answer(&code, 0x4000_0028, number, 0u32), allow, "{number} of another architecture");
        }
        assert_eq!(answer(&code, AUDIT_ARCH_X86_64, 128, 0u32), allow);
        assert_eq!(answer(&code, AUDIT_ARCH_X86_64, 175, 0u32), Action::Notify.code());
        assert_eq!(answer(&filter.finished(), AUDIT_ARCH_I386, 128, 0u32), allow);
    }

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
