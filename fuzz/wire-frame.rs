//! Receives any bytes as frames of the connection between supervisor and kernel process. What is a frame comes back
//! the same after it was sent again.
#![no_main]

use std::cell::RefCell;
use wire::{Answer, Call, Caller, Conn, Event, Frame, ModuleImage, WireError};

/// What fits into a socket's buffer, so that one thread can write first and read then.
const MOST: usize = 64 << 10;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(MOST)];
    let (a, b) = Conn::pair().expect("a socket pair");
    let sent = rustix::io::write(&a, bytes).expect("the buffer has room");
    assert_eq!(sent, bytes.len());
    drop(a);
    loop {
        match b.receive() {
            Ok(received) => again(&received.frame),
            Err(WireError::Malformed(why)) => {
                assert!(!why.is_empty());
                break;
            }
            Err(_) => break,
        }
    }
});

fn again(frame: &Frame) {
    let (a, b) = Conn::pair().expect("a socket pair");
    a.send(frame, &[]).expect("what was received can be sent");
    assert_eq!(&b.receive().expect("what was sent can be received").frame, frame);
}

thread_local! {
    static SAMPLES: RefCell<Vec<Vec<u8>>> = RefCell::new(samples());
}

/// The bytes of one frame of each kind.
fn samples() -> Vec<Vec<u8>> {
    let call = |call| Frame::Call { id: 3, caller: Caller { comm: "insmod".into(), ..Caller::default() }, call };
    let frames = [
        call(Call::InitModule {
            image: ModuleImage::File { flags: 3 },
            params: Ok(b"a=1".to_vec()),
            path: Some("/m.ko".into()),
        }),
        call(Call::DeleteModule { name: Ok(b"hello".to_vec()), flags: 0 }),
        call(Call::Syslog { action: 3, len: 4096 }),
        call(Call::ReadFile { path: "/proc/modules".into() }),
        call(Call::WriteFile { path: "/proc/sys/kernel/printk".into(), data: b"8".to_vec() }),
        call(Call::Report),
        call(Call::Shutdown),
        Frame::Answer { id: 3, answer: Answer::Value(-1) },
        Frame::Answer { id: 4, answer: Answer::Errno(22) },
        Frame::Answer { id: 5, answer: Answer::Data(b"text".to_vec()) },
        Frame::Answer { id: 6, answer: Answer::Killed { signal: 9 } },
        Frame::Answer { id: 7, answer: Answer::Report(wire::Report::default()) },
        Frame::Event(Event::Console(b"line\n".to_vec())),
        Frame::Event(Event::PollWakeup { handle: 7 }),
        Frame::Event(Event::Bug("bug".into())),
    ];
    let encode = |frame: &Frame| {
        let (a, b) = Conn::pair().expect("a socket pair");
        a.send(frame, &[]).expect("the buffer has room");
        let mut bytes = vec![0; 4096];
        let len = rustix::io::read(&b, &mut bytes[..]).expect("the frame is there");
        bytes.truncate(len);
        bytes
    };
    frames.iter().map(encode).collect()
}

/// Half of the time an input begins anew from a frame, half of the time the length in front is mended.
fn mutate(data: &mut [u8], mut size: usize, max_size: usize, seed: u32) -> usize {
    if seed % 16 == 0 || size < 5 {
        SAMPLES.with_borrow(|samples| {
            let sample = &samples[seed as usize / 16 % samples.len()];
            if sample.len() <= data.len() {
                data[..sample.len()].copy_from_slice(sample);
                size = sample.len();
            }
        });
    }
    size = libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    if seed % 2 == 0 && size > 4 {
        let len = (size - 4) as u32;
        data[..4].copy_from_slice(&len.to_le_bytes());
    }
    size
}

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(data, size, max_size, seed)
});
