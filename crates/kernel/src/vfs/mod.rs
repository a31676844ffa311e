//! Files whose operations are module code. Counterpart: fs/open.c, fs/read_write.c, fs/seq_file.c, fs/libfs.c.
//!
//! - [`mod@file`]: an open file: `struct file`, and the calls of its operations;
//! - `poll`: the wait queues that a file names in its poll function;
//! - [`libfs`]: operations that are ready made;
//! - [`seq_file`]: files that are made record by record, [`seq_open`]: what modules call for that; [`seq_text`]: what records are written with; [`seq_list`]: the
//!   kernel's lists as records.

pub mod file;
pub mod libfs;
mod poll;
pub mod seq_file;
pub mod seq_list;
pub mod seq_open;
pub mod seq_text;
