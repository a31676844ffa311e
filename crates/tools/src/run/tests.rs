//! `run` with a kernel of the test's own: what happens around the kernel.

use super::*;
use std::convert::Infallible;
use wire::{Answer, Call, Conn, Frame, Report};

#[test]
fn parameters_with_blanks_are_quoted() {
    let words = ["a=1", "text=two words", "quoted=\"as it is\" x", "flag"].map(OsString::from);
    assert_eq!(parameters(&words), b"a=1 text=\"two words\" quoted=\"as it is\" x flag");
}

/// A kernel process that answers each call with what `answer` says.
fn scripted(conn: &Conn, answer: fn(&Call) -> Answer) -> Infallible {
    loop {
        let Ok(received) = conn.receive() else { std::process::exit(1) };
        if let Frame::Call { id, call, .. } = received.frame {
            let end = call == Call::Shutdown;
            if let Call::InitModule { .. } = call {
                let line = b"[    0.000000] x: Unknown symbol foo (err -2)\n".to_vec();
                let _ = conn.send(&Frame::Event(wire::Event::Console(line)), &[]);
            }
            let _ = conn.send(&Frame::Answer { id, answer: answer(&call) }, &[]);
            if end {
                std::process::exit(0);
            }
        }
    }
}

fn session_with(answer: fn(&Call) -> Answer, file: &Path) -> (Summary, Option<Failure>) {
    let shown = Shown::default();
    let console = shown.sink();
    let instance = Instance::boot(supervisor::Config { console }, move |conn| scripted(&conn, answer)).unwrap();
    let options = Options { file: file.into(), ..Options::default() };
    let target = Target { path: file.into(), said: Said { name: "x".into(), ..Said::default() }, _built: None };
    let mut summary = Summary { module: "x".into(), kernel: "none".into(), ..Summary::default() };
    let failure = session(&options, &target, &instance, &shown, &mut summary).err();
    summary.status = status_of(&summary, failure.as_ref());
    instance.shutdown().unwrap();
    (summary, failure)
}

fn file() -> PathBuf {
    std::env::current_exe().unwrap()
}

#[test]
fn a_clean_run_ends_with_0() {
    fn answer(call: &Call) -> Answer {
        match call {
            Call::Report => Answer::Report(Report::default()),
            _ => Answer::Value(0),
        }
    }
    let (summary, failure) = session_with(answer, &file());
    assert_eq!((summary.status, failure), (0, None));
    assert_eq!(summary.report, Some(Report::default()));
}

#[test]
fn an_oops_and_leftovers_end_with_120() {
    fn answer(call: &Call) -> Answer {
        match call {
            Call::Report => Answer::Report(Report { oopses: 1, ..Report::default() }),
            _ => Answer::Value(0),
        }
    }
    assert_eq!(session_with(answer, &file()).0.status, 120);
}

#[test]
fn a_refusal_is_explained_by_the_log() {
    fn answer(call: &Call) -> Answer {
        match call {
            Call::Report => Answer::Report(Report::default()),
            Call::InitModule { .. } => Answer::Errno(2),
            _ => Answer::Value(0),
        }
    }
    let (summary, failure) = session_with(answer, &file());
    let failure = failure.unwrap();
    assert_eq!(summary.status, 121);
    assert!(failure.what.contains("ENOENT (No such file or directory)"), "{}", failure.what);
    assert_eq!(failure.evidence, ["[    0.000000] x: Unknown symbol foo (err -2)"]);
    assert!(failure.cause.unwrap().contains("exports"));
    assert_eq!(summary.refused.unwrap().errno, "ENOENT");
}

#[test]
fn an_oops_in_init_ends_with_121() {
    fn answer(call: &Call) -> Answer {
        match call {
            Call::Report => Answer::Report(Report { oopses: 1, ..Report::default() }),
            Call::InitModule { .. } => Answer::Killed { signal: 9 },
            _ => Answer::Value(0),
        }
    }
    let (summary, failure) = session_with(answer, &file());
    assert_eq!(summary.status, 121);
    assert!(failure.unwrap().what.contains("oopsed"));
}

#[test]
fn a_command_s_status_counts_before_leftovers() {
    let report = Report { oopses: 1, ..Report::default() };
    let mut summary = Summary { command_status: Some(3), report: Some(report), ..Summary::default() };
    assert_eq!(status_of(&summary, None), 3);
    summary.command_status = Some(0);
    assert_eq!(status_of(&summary, None), 120);
}
