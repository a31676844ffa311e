//! The instance's kernel log, and the functions by which modules write to it. Counterpart: kernel/printk/printk.c,
//! lib/ratelimit.c. What a log is stands in [`crate::printk`].

use crate::cmdline::Early;
use crate::env;
use crate::printk::{self, Console, Context, Error, LOGLEVEL_DEFAULT, LOGLEVEL_SCHED, Printk, RateLimit, Source};
use crate::printk::{SyslogCaller, Wait};
use crate::{sched, server};
use kabi::{DataExport, DataSize, Field, KPtr, KResult, KStr, VaList, VarArgs, exports, kexport, profile};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use wire::{Answer, Event};

exports![_printk, _printk_deferred, vprintk, vprintk_emit, ___ratelimit, printk_timed_ratelimit];

static LOG: OnceLock<Printk> = OnceLock::new();
static BOOTED: OnceLock<Instant> = OnceLock::new();
static READERS: (Mutex<u64>, Condvar) = (Mutex::new(0), Condvar::new());

/// The running kernel around its log.
struct Around;

impl Context for Around {
    fn now_ns(&self) -> u64 {
        since_boot().as_nanos() as u64
    }

    fn caller_id(&self) -> u32 {
        sched::caller().tid
    }

    fn jiffies(&self) -> u64 {
        jiffies()
    }

    fn wake_readers(&self) {
        wake_readers();
    }

    fn defer_console(&self) {
        // Nothing here runs with a lock that a console needs.
        log().flush();
    }

    fn delay_ms(&self, ms: u32) {
        std::thread::sleep(Duration::from_millis(ms.into()));
    }
}

/// The console: the supervisor shows what it gets.
struct Wire;

impl Console for Wire {
    fn write(&mut self, lines: &[u8]) {
        server::send_event(Event::Console(lines.to_vec()));
    }
}

/// Time since the instance booted.
pub fn since_boot() -> Duration {
    BOOTED.get_or_init(Instant::now).elapsed()
}

/// Clock ticks since boot; Debian's kernels have 250 in a second and start five minutes before zero.
pub fn jiffies() -> u64 {
    (since_boot().as_millis() as u64 / 4).wrapping_add((-300i64 * 250) as u32 as u64)
}

/// Makes the log. As in Linux a buffer only grows by the command line, to 2 GiB at most.
pub(crate) fn boot(early: &Early) {
    const LARGEST: u64 = 2 << 30;
    since_boot();
    let mut numbers = profile().release().split('.').map(|n| n.parse().unwrap_or(0));
    let release = (numbers.next().unwrap_or(6), numbers.next().unwrap_or(1));
    let usual = printk::Config::default();
    let wanted = early.buffer.map_or(0, |bytes| bytes.min(LARGEST) as usize);
    let config = printk::Config { quiet: early.quiet, release, buffer_size: usual.buffer_size.max(wanted), ..usual };
    let log = LOG.get_or_init(|| Printk::new(config, Box::new(Around)));
    log.register_console(Box::new(Wire), true);
}

/// The log.
///
/// # Panics
/// Before `boot`: a mistake in lkm.
pub fn log() -> &'static Printk {
    LOG.get().expect("the log is made at boot")
}

/// Prints one line of lkm's own with a level.
pub fn line(level: u8, text: &str) {
    log().emit(0, level.into(), None, format!("{text}\n").as_bytes());
}

/// Says one line of lkm's own now and then only (`pr_warn_ratelimited`).
#[derive(Debug, Default)]
pub struct Limited(Mutex<Option<RateLimit>>);

impl Limited {
    /// A limit that nothing has been said under.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Prints the line, unless 10 were printed in the last 5 seconds; what was left out is told under the name of the
    /// function that says it.
    pub fn line(&self, level: u8, function: &str, text: &str) {
        /// Ticks in a second of Debian's kernels.
        const HZ: u32 = 250;
        let mut limit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log().ratelimit(limit.get_or_insert_with(|| RateLimit::usual(HZ)), function) {
            line(level, text);
        }
    }
}

/// Prints a formatted text, which may carry its level.
pub fn printk(level: Option<u8>, text: &[u8]) {
    log().emit(0, level.map_or(LOGLEVEL_DEFAULT, i32::from), None, text);
}

/// Tells modules that look at `console_printk` what the levels are now.
pub fn publish_levels() {
    // Nobody asked for the variable: nobody looks.
    let Some(addr) = crate::module::symbols::given("console_printk") else { return };
    for (i, level) in log().levels().get().into_iter().enumerate() {
        // The variable is lkm's own memory and always there.
        let _ = machine::access::put(addr + 4 * i as u64, level);
    }
}

/// `default_message_loglevel`.
pub fn default_level() -> u8 {
    log().levels().get()[1].clamp(0, 7) as u8
}

/// Makes the console show everything from now on (`console_verbose`).
pub fn console_verbose() {
    let mut levels = log().levels().get();
    if levels[0] != 0 {
        levels[0] = 15;
        log().levels().set(levels);
        publish_levels();
    }
}

/// Sleeping until there is something to read, or the program that reads gets a signal.
pub struct Sleep;

impl Sleep {
    /// Sleeps until `ready`.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn wait_until(&self, ready: &dyn Fn() -> bool) -> Result<(), Error> {
        let _watch = log().watch();
        let mut news = READERS.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !ready() {
            if sched::is_interrupted() {
                return Err(Error::Interrupted);
            }
            news = READERS.1.wait(news).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }
}

impl Wait for Sleep {
    fn wait(&self, ready: &dyn Fn() -> bool) -> Result<(), Error> {
        self.wait_until(ready)
    }
}

/// Makes those who sleep in [`Sleep`], or poll the log, look again.
pub fn wake_readers() {
    *READERS.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    READERS.1.notify_all();
    crate::files::wake_log_pollers();
}

/// A program as the log judges it.
pub fn syslog_caller(caller: &wire::Caller) -> SyslogCaller<'_> {
    let root = caller.uid == 0;
    SyslogCaller { cap_syslog: root, cap_sys_admin: root, comm: &caller.comm, pid: caller.tid as i32 }
}

/// `syslog(2)` of the calling program.
pub fn syslog(caller: &wire::Caller, action: i32, len: i32) -> Answer {
    let who = syslog_caller(caller);
    let mut data = Vec::new();
    let reads = (2..=4).contains(&action);
    match log().syslog(action, Some(&mut data), len, &who, Source::Call, &Sleep) {
        Ok(_) if reads => Answer::Data(data),
        Ok(value) => {
            publish_levels();
            Answer::Value(value as i64)
        }
        Err(e) => Answer::Errno(e.errno()),
    }
}

/// Prints a message: the level may stand at the text's start.
#[kexport(since = "5.15", header = "linux/printk.h")]
fn _printk(fmt: KPtr, args: VarArgs) -> KResult<i32> {
    vprintk(fmt, args.0)
}

/// [`_printk`] that may be called where the console must not be.
#[kexport(since = "5.15", header = "linux/printk.h")]
fn _printk_deferred(fmt: KPtr, args: VarArgs) -> KResult<i32> {
    let text = env::format(fmt.addr(), args.0)?;
    Ok(log().emit(0, LOGLEVEL_SCHED, None, &text) as i32)
}

/// [`_printk`] with a list of arguments.
#[kexport(since = "2.6.18", header = "linux/printk.h")]
fn vprintk(fmt: KPtr, args: VaList) -> KResult<i32> {
    let text = env::format(fmt.addr(), args)?;
    Ok(log().print(&text) as i32)
}

/// Prints a message with facility, level and what it is about.
#[kexport(since = "3.5", header = "linux/printk.h")]
fn vprintk_emit(facility: i32, level: i32, info: KPtr, fmt: KPtr, args: VaList) -> KResult<i32> {
    let text = env::format(fmt.addr(), args)?;
    let device = if info.is_null() { None } else { Some(device_info(info)?) };
    Ok(log().emit(facility as u8, level, device.as_ref(), &text) as i32)
}

/// `struct dev_printk_info`: two arrays of characters.
fn device_info(info: KPtr) -> KResult<printk::DevInfo> {
    static SUBSYSTEM: Field = Field::new("dev_printk_info", "subsystem");
    static DEVICE: Field = Field::new("dev_printk_info", "device");
    let text = |field: &Field, len| Ok::<_, kabi::KError>(machine::access::read_str(field.of(info)?.addr(), len)?);
    Ok(printk::DevInfo { subsystem: text(&SUBSYSTEM, 16)?, device: text(&DEVICE, 48)? })
}

/// True if a message may be printed now; counts and reports what was suppressed.
#[kexport(since = "2.6.33", header = "linux/ratelimit_types.h")]
fn ___ratelimit(state: KPtr, function: KStr) -> KResult<i32> {
    static INTERVAL: Field = Field::new("ratelimit_state", "interval");
    static BURST: Field = Field::new("ratelimit_state", "burst");
    static PRINTED: Field = Field::new("ratelimit_state", "printed");
    static MISSED: Field = Field::new("ratelimit_state", "missed");
    static BEGIN: Field = Field::new("ratelimit_state", "begin");
    static FLAGS: Field = Field::new("ratelimit_state", "flags");
    // One asks at a time; the kernel's own lock in the structure is taken by trylock only.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut limit = RateLimit {
        interval: INTERVAL.get(state)?,
        burst: BURST.get(state)?,
        printed: PRINTED.get(state)?,
        missed: MISSED.get(state)?,
        begin: BEGIN.get(state)?,
        flags: FLAGS.get(state)?,
    };
    let allowed = log().ratelimit(&mut limit, &function.to_string_lossy());
    PRINTED.put(state, limit.printed)?;
    MISSED.put(state, limit.missed)?;
    BEGIN.put(state, limit.begin)?;
    Ok(allowed.into())
}

/// True if `interval_ms` passed since `*jiffies` was set; sets it then.
#[kexport(since = "2.6.16", header = "linux/printk.h")]
fn printk_timed_ratelimit(last: KPtr, interval_ms: u32) -> KResult<bool> {
    let (now, then): (u64, u64) = (jiffies(), last.get(0)?);
    let elapsed = now.wrapping_sub(then);
    if then != 0 && elapsed <= u64::from(interval_ms) / 4 {
        return Ok(false);
    }
    last.put(0, now)?;
    Ok(true)
}

/// Variables of the log that modules can see.
pub(crate) static DATA: &[DataExport] = &[DataExport {
    names: &["console_printk"],
    size: DataSize::Bytes(16),
    percpu: false,
    gpl: true,
    init: |addr, _| {
        for (i, level) in log().levels().get().into_iter().enumerate() {
            machine::access::put(addr + 4 * i as u64, level)?;
        }
        Ok(())
    },
    doc: "The four levels of the console.",
}];
