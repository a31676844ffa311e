//! Files that are made record by record. Counterpart: fs/seq_file.c.
//!
//! `struct seq_file` and its buffer lie in memory that modules reach: inlined functions of linux/seq_file.h write to it.

use crate::locking::mutex::{self, MutexStruct};
use crate::mm::uaccess;
use crate::{fault, log};
use kabi::errno::{EFAULT, EINVAL, ENOMEM};
use kabi::{Errno, Field, KPtr, KResult, c_int};
use machine::{access, heap};

static BUF: Field = Field::new("seq_file", "buf");
static SIZE: Field = Field::new("seq_file", "size");
static FROM: Field = Field::new("seq_file", "from");
static COUNT: Field = Field::new("seq_file", "count");
static PAD_UNTIL: Field = Field::new("seq_file", "pad_until");
static INDEX: Field = Field::new("seq_file", "index");
static READ_POS: Field = Field::new("seq_file", "read_pos");
pub(super) static LOCK: Field = Field::new("seq_file", "lock");
pub(super) static OPS: Field = Field::new("seq_file", "op");
static START: Field = Field::new("seq_operations", "start");
static STOP: Field = Field::new("seq_operations", "stop");
static NEXT: Field = Field::new("seq_operations", "next");
pub(super) static SHOW: Field = Field::new("seq_operations", "show");
static FILE_POS: Field = Field::new("file", "f_pos");

/// Bytes of a buffer at first.
const PAGE: usize = 4096;
/// Largest error number.
const MAX_ERRNO: u64 = 4095;
/// `SEQ_START_TOKEN`
const START_TOKEN: u64 = 1;
const SEEK_SET: c_int = 0;
const SEEK_CUR: c_int = 1;

/// The kernel's `struct seq_file`.
#[derive(Debug)]
pub struct SeqFile;

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seq(pub(super) KPtr<SeqFile>);

/// What `start` and `next` answered.
enum Record {
    At(u64),
    End(u64),
    Failed(u64, Errno),
}

impl Record {
    fn of(value: u64) -> Self {
        match value {
            0 => Self::End(0),
            _ if value > u64::MAX - MAX_ERRNO => Self::Failed(value, Errno(-(value as i64) as i32)),
            _ => Self::At(value),
        }
    }

    fn value(&self) -> u64 {
        match self {
            Self::At(value) | Self::End(value) | Self::Failed(value, _) => *value,
        }
    }
}

/// How making a record ended.
#[derive(PartialEq, Eq)]
enum Shown {
    /// It is in the buffer.
    Whole,
    /// It shall be left out.
    Skip,
    /// It does not fit.
    Overflow,
    Failed(Errno),
}

impl Seq {
    pub(super) fn get(self, field: &Field) -> KResult<u64> {
        field.get(self.0)
    }

    fn put(self, field: &Field, value: u64) -> KResult {
        field.put(self.0, value)
    }

    /// Bytes in the buffer, and its size.
    fn level(self) -> KResult<(u64, u64)> {
        Ok((self.get(&COUNT)?, self.get(&SIZE)?))
    }

    /// Room in the buffer.
    pub(super) fn room(self) -> KResult<usize> {
        let (count, size) = self.level()?;
        Ok(size.saturating_sub(count) as usize)
    }

    /// The record does not fit (`seq_set_overflow`).
    pub(super) fn overflow(self) -> KResult {
        self.put(&COUNT, self.get(&SIZE)?)
    }

    /// Adds bytes, if there is room for them and `spare` more.
    pub(super) fn add(self, bytes: &[u8], spare: usize) -> KResult<bool> {
        if bytes.len() + spare > self.room()? {
            self.overflow()?;
            return Ok(false);
        }
        let count = self.get(&COUNT)?;
        access::write(self.get(&BUF)?.wrapping_add(count), bytes)?;
        self.put(&COUNT, count + bytes.len() as u64)?;
        Ok(true)
    }

    /// How far the line shall be padded (`seq_setwidth`), as a number of bytes that is now past or not.
    pub(super) fn missing_width(self) -> KResult<usize> {
        Ok(self.get(&PAD_UNTIL)?.saturating_sub(self.get(&COUNT)?) as usize)
    }

    /// Replaces the buffer by an empty one.
    pub(super) fn rebuffer(self, size: usize) -> KResult {
        self.free_buffer()?;
        self.put(&COUNT, 0)?;
        let buffer = heap::alloc(size).ok_or(ENOMEM)?;
        self.put(&BUF, buffer)?;
        self.put(&SIZE, size as u64)
    }

    pub(super) fn free_buffer(self) -> KResult {
        let (buffer, size) = (self.get(&BUF)?, self.get(&SIZE)?);
        if buffer != 0 {
            heap::free(buffer, size as usize);
            self.put(&BUF, 0)?;
        }
        Ok(())
    }

    fn need_buffer(self) -> KResult {
        if self.get(&BUF)? == 0 { self.rebuffer(PAGE) } else { Ok(()) }
    }

    fn operation(self, which: &Field) -> KResult<u64> {
        which.get(KPtr::<()>::new(self.get(&OPS)?))
    }

    /// The record at the index, which the operations may move.
    fn start(self) -> KResult<Record> {
        let (function, index) = (self.operation(&START)?, INDEX.of(self.0)?.addr());
        if function == 0 {
            return Ok(if self.get(&INDEX)? == 0 { Record::At(START_TOKEN) } else { Record::End(0) });
        }
        Ok(Record::of(kabi::call(function, &[self.0.addr(), index])?))
    }

    fn next(self, record: u64) -> KResult<Record> {
        let (function, index) = (self.operation(&NEXT)?, INDEX.of(self.0)?.addr());
        if function == 0 {
            self.put(&INDEX, self.get(&INDEX)? + 1)?;
            return Ok(Record::End(0));
        }
        Ok(Record::of(kabi::call(function, &[self.0.addr(), record, index])?))
    }

    fn stop(self, record: u64) -> KResult {
        match self.operation(&STOP)? {
            0 => Ok(()),
            function => kabi::call(function, &[self.0.addr(), record]).map(drop),
        }
    }

    fn show(self, record: u64) -> KResult<Shown> {
        let said = kabi::call(self.operation(&SHOW)?, &[self.0.addr(), record])? as c_int;
        let (count, size) = self.level()?;
        Ok(match said {
            i32::MIN..=-1 => Shown::Failed(Errno(said.wrapping_neg())),
            _ if count >= size => Shown::Overflow,
            0 => Shown::Whole,
            _ => Shown::Skip,
        })
    }

    /// Makes records until the one that holds the byte at `offset` is in the buffer.
    ///
    /// # Errors
    /// What the operations say; `ENOMEM`.
    fn traverse(self, offset: u64) -> KResult {
        while !self.try_traverse(offset)? {}
        Ok(())
    }

    /// False: a record was larger than the buffer, which has grown.
    fn try_traverse(self, offset: u64) -> KResult<bool> {
        for field in [&INDEX, &COUNT, &FROM] {
            self.put(field, 0)?;
        }
        if offset == 0 {
            return Ok(true);
        }
        self.need_buffer()?;
        let mut pos = 0;
        let mut record = self.start()?;
        let mut result = Ok(true);
        while let Record::At(value) = record {
            match self.show(value)? {
                Shown::Failed(errno) => {
                    result = Err(errno);
                    break;
                }
                Shown::Overflow => {
                    self.stop(value)?;
                    self.rebuffer(self.get(&SIZE)? as usize * 2)?;
                    return Ok(false);
                }
                Shown::Skip => self.put(&COUNT, 0)?,
                Shown::Whole => {}
            }
            record = self.next(value)?;
            let count = self.get(&COUNT)?;
            if pos + count > offset {
                self.put(&FROM, offset - pos)?;
                self.put(&COUNT, count - (offset - pos))?;
                break;
            }
            pos += count;
            self.put(&COUNT, 0)?;
            if pos == offset {
                break;
            }
        }
        if let Record::Failed(_, errno) = record {
            result = Err(errno);
        }
        self.stop(record.value())?;
        Ok(result?)
    }

    /// Makes the next record that is not empty: true if there is one in the buffer then.
    fn first(self) -> KResult<Option<u64>> {
        self.put(&FROM, 0)?;
        let mut record = self.start()?;
        loop {
            let value = match record {
                Record::At(value) => value,
                Record::End(value) => {
                    self.stop(value)?;
                    return Ok(None);
                }
                Record::Failed(value, errno) => {
                    self.stop(value)?;
                    self.put(&COUNT, 0)?;
                    return Err(errno.into());
                }
            };
            match self.show(value)? {
                Shown::Failed(errno) => {
                    self.stop(value)?;
                    self.put(&COUNT, 0)?;
                    return Err(errno.into());
                }
                Shown::Overflow => {
                    self.stop(value)?;
                    self.rebuffer(self.get(&SIZE)? as usize * 2)?;
                    record = self.start()?;
                    continue;
                }
                Shown::Skip => self.put(&COUNT, 0)?,
                Shown::Whole if self.get(&COUNT)? > 0 => return Ok(Some(value)),
                Shown::Whole => {}
            }
            record = self.next(value)?;
        }
    }

    /// Adds the records behind `record` while there are fewer than `wanted` bytes and they fit. An error then comes at the
    /// next read.
    fn fill(self, mut record: u64, wanted: u64) -> KResult {
        loop {
            let (count, index) = (self.get(&COUNT)?, self.get(&INDEX)?);
            let next = self.next(record)?;
            record = next.value();
            if self.get(&INDEX)? == index {
                let next = self.operation(&NEXT)?;
                let name = fault::symbolize(next).map_or_else(|| format!("{next:#x}"), |s| s.name);
                log::line(6, &format!("buggy .next function {name} did not update position index"));
                self.put(&INDEX, index + 1)?;
            }
            if !matches!(next, Record::At(_)) || count >= wanted {
                return self.stop(record);
            }
            match self.show(record)? {
                Shown::Whole => {}
                Shown::Skip => self.put(&COUNT, count)?,
                Shown::Overflow | Shown::Failed(_) => {
                    self.put(&COUNT, count)?;
                    return self.stop(record);
                }
            }
        }
    }

    /// Hands out what is in the buffer: how many bytes were.
    fn hand_out(self, to: u64, size: u64) -> KResult<u64> {
        let (from, count) = (self.get(&FROM)?, self.get(&COUNT)?);
        let len = count.min(size);
        let left = uaccess::copy(to, self.get(&BUF)?.wrapping_add(from), len as usize, to) as u64;
        let done = len - left;
        self.put(&COUNT, count - done)?;
        self.put(&FROM, from + done)?;
        Ok(done)
    }

    pub(super) fn read(self, to: u64, size: u64, pos: KPtr) -> KResult<u64> {
        let at: u64 = pos.get(0)?;
        if at == 0 {
            self.put(&INDEX, 0)?;
            self.put(&COUNT, 0)?;
        }
        if at != self.get(&READ_POS)?
            && let Err(e) = self.traverse(at)
        {
            for field in [&READ_POS, &INDEX, &COUNT] {
                self.put(field, 0)?;
            }
            return Err(e);
        }
        self.need_buffer()?;
        let mut done = 0;
        let mut failed = None;
        if self.get(&COUNT)? > 0 {
            done = self.hand_out(to, size)?;
        }
        if self.get(&COUNT)? == 0 && done < size {
            match self.first() {
                Ok(None) => self.put(&COUNT, 0)?,
                Ok(Some(record)) => {
                    self.fill(record, size - done)?;
                    done += self.hand_out(to + done, size - done)?;
                }
                Err(kabi::KError::Errno(errno)) => failed = Some(errno),
                Err(other) => return Err(other),
            }
        }
        if done == 0 && size > 0 {
            let nothing = failed.or((self.get(&COUNT)? > 0).then_some(EFAULT));
            return nothing.map_or(Ok(0), |errno| Err(errno.into()));
        }
        pos.put(0, at + done)?;
        self.put(&READ_POS, at + done)?;
        Ok(done)
    }

    pub(super) fn seek(self, file: KPtr, offset: i64, whence: c_int) -> KResult<i64> {
        let to = match whence {
            SEEK_SET => offset,
            SEEK_CUR => offset.wrapping_add(FILE_POS.get(file)?),
            _ => return Err(EINVAL.into()),
        };
        let target = u64::try_from(to).map_err(|_| EINVAL)?;
        if target != self.get(&READ_POS)? {
            if let Err(e) = self.traverse(target) {
                FILE_POS.put(file, 0u64)?;
                for field in [&READ_POS, &INDEX, &COUNT] {
                    self.put(field, 0)?;
                }
                return Err(e);
            }
            self.put(&READ_POS, target)?;
        }
        FILE_POS.put(file, target)?;
        Ok(to)
    }

    /// Runs `work` with the file's lock held. DIFFERS: it is given back also when module code dies in it.
    pub(super) fn locked<T>(self, work: impl FnOnce() -> KResult<T>) -> KResult<T> {
        let lock: KPtr<MutexStruct> = KPtr::new(LOCK.of(self.0)?.addr());
        mutex::lock(lock)?;
        let result = work();
        mutex::unlock(lock)?;
        result
    }
}
