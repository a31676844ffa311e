//! Standard output of the tools: buffered, through a pager where asked, and with its failures told.

/// Writes a line to standard error, at once, so that what several programs say does not mix. When nobody reads it any
/// more (a closed pipe) there is nobody to tell.
macro_rules! tell {
    ($($text:tt)*) => {
        crate::output::write_stderr(format!("{}\n", format_args!($($text)*)).as_bytes())
    };
}

/// [`tell`] without the newline.
macro_rules! tell_part {
    ($($text:tt)*) => {
        crate::output::write_stderr(format!($($text)*).as_bytes())
    };
}

use std::io::{self, IsTerminal, Write};
use std::process::{Child, Command, Stdio};

/// Where a tool's output goes.
#[derive(Debug)]
pub struct Output {
    buffer: Vec<u8>,
    pager: Option<Child>,
}

impl Output {
    /// Standard output, through `$PAGER` (or `less`) if `paged` and it is a terminal.
    pub fn open(paged: bool) -> io::Result<Self> {
        let pager = if paged && io::stdout().is_terminal() { pager() } else { None };
        Ok(Self { buffer: Vec::with_capacity(1 << 16), pager })
    }

    /// What is not written yet; append to it.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes when much has come together.
    pub fn spill(&mut self) -> io::Result<()> {
        if self.buffer.len() > 60_000 { self.flush() } else { Ok(()) }
    }

    /// Writes now.
    pub fn flush(&mut self) -> io::Result<()> {
        match self.pager.as_mut().and_then(|child| child.stdin.as_mut()) {
            Some(stdin) => stdin.write_all(&self.buffer)?,
            None => write_stdout(&self.buffer)?,
        }
        self.buffer.clear();
        Ok(())
    }

    /// Writes the rest and waits for the pager.
    pub fn close(mut self) -> io::Result<()> {
        let written = self.flush();
        if let Some(mut child) = self.pager.take() {
            drop(child.stdin.take());
            child.wait()?;
            // A pager that was left early is no failure.
            return Ok(());
        }
        written
    }
}

fn pager() -> Option<Child> {
    let command = std::env::var_os("PAGER").filter(|p| !p.is_empty()).unwrap_or_else(|| "less".into());
    if command == "cat" {
        return None;
    }
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        shell.env("LESS", "FRSX");
    }
    shell.spawn().ok()
}

/// Writes all of `bytes` to standard error; failing at that is no reason to fail.
pub fn write_stderr(bytes: &[u8]) {
    let _ = io::stderr().write_all(bytes);
}

/// Writes all of `bytes` to standard output, unbuffered.
pub fn write_stdout(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Prints a text; gives the exit status.
pub fn print(tool: &str, text: &str) -> u8 {
    match write_stdout(text.as_bytes()) {
        Ok(()) => 0,
        Err(error) => failed(tool, &error),
    }
}

/// The exit status after standard output failed: silent and as if killed by SIGPIPE when nobody reads any more.
pub fn failed(tool: &str, error: &io::Error) -> u8 {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return 141;
    }
    tell!("{tool}: write error: {}", crate::error::errno_text(error));
    1
}
