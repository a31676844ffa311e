//! What runs as process 1 in the virtual machine, and what it sends back.
//!
//! The console is the first serial line; the second one carries one frame: a head line
//! `@@ UPTIME STATUS BYTES BYTES`, the script's standard output, its standard error, `@@END`.

use std::time::Duration;

/// Runs as `/init`: mounts, runs `/work/.script`, sends the frame, powers off.
/// The programs of the distribution go before busybox's; the script has dash, because
/// busybox's shell prefers its own applets whatever PATH says.
pub(crate) const INIT: &str = r#"#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /run
/bin/busybox --install -s /bin
ln -sf /distribution/dash /bin/sh
PATH=/distribution:/bin HOME=/ LC_ALL=C
export PATH HOME LC_ALL
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t tmpfs tmpfs /tmp
exec 3<>/dev/ttyS1
stty raw -echo <&3
cd /work
read up rest </proc/uptime
/bin/sh ./.script </dev/null >/tmp/.out 2>/tmp/.err 3>&-
status=$?
{
	echo "@@ $up $status $(wc -c </tmp/.out) $(wc -c </tmp/.err)"
	cat /tmp/.out /tmp/.err
	echo @@END
} >&3
exec 3>&-
poweroff -f
"#;

/// How a virtual machine's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The script ended and the machine was switched off.
    Normally,
    /// The kernel died (a panic, a triple fault) before the script ended: see the console.
    Died,
    /// The time was over; the machine was stopped.
    TimedOut,
}

/// What came out of a virtual machine.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended; unless [`Ended::Normally`], the script's results are missing.
    pub ended: Ended,
    /// The script's exit status.
    pub status: Option<i32>,
    /// The script's standard output.
    pub stdout: Vec<u8>,
    /// The script's standard error.
    pub stderr: Vec<u8>,
    /// All that the kernel and the programs wrote to the console.
    pub console: Vec<u8>,
    /// The kernel's own age when the script began.
    pub boot: Option<Duration>,
    /// From the start of QEMU to its end.
    pub elapsed: Duration,
}

/// The parsed frame of the second serial line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) status: i32,
    pub(crate) boot: Option<Duration>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// `None` if there is no whole frame: the kernel died while or before it was sent.
pub(crate) fn parse_frame(raw: &[u8]) -> Option<Frame> {
    let end = raw.iter().position(|b| *b == b'\n')?;
    let head = std::str::from_utf8(raw.get(..end)?).ok()?;
    let rest = raw.get(end.checked_add(1)?..)?;
    let mut words = head.split_ascii_whitespace();
    if words.next() != Some("@@") {
        return None;
    }
    let boot = words.next()?.parse().ok().and_then(|s: f64| Duration::try_from_secs_f64(s).ok());
    let status = words.next()?.parse().ok()?;
    let out_len: usize = words.next()?.parse().ok()?;
    let err_len: usize = words.next()?.parse().ok()?;
    let (stdout, rest) = rest.split_at_checked(out_len)?;
    let (stderr, rest) = rest.split_at_checked(err_len)?;
    rest.starts_with(b"@@END").then(|| Frame { status, boot, stdout: stdout.to_vec(), stderr: stderr.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_frame_is_taken_apart() {
        let f = parse_frame(b"@@ 1.50 3 4 2\nout\nE\n@@END\n").unwrap();
        assert_eq!((f.status, f.boot), (3, Some(Duration::from_millis(1500))));
        assert_eq!((f.stdout.as_slice(), f.stderr.as_slice()), (&b"out\n"[..], &b"E\n"[..]));
    }

    #[test]
    fn anything_else_is_no_frame() {
        for raw in [
            &b""[..],
            b"@@",
            b"@@ 1.5 0 3 0\nab",
            b"@@ 1.5 0 3 0\nabc",
            b"@@ 1.5 0 99999999999999999999 0\nabc@@END\n",
            b"@@ 1.5 x 0 0\n@@END\n",
            b"noise\n@@ 1.5 0 0 0\n@@END\n",
            b"@@ 1.5 0 18446744073709551615 1\n@@END\n",
        ] {
            assert_eq!(parse_frame(raw), None, "{:?}", String::from_utf8_lossy(raw));
        }
    }
}
