//! The crypto API as far as modules that offer algorithms need it. Counterpart: crypto/.

pub mod algapi;
