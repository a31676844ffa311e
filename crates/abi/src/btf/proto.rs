//! Function prototypes.

use super::{Btf, Kind, TypeId};
use crate::bytes::u32_at;

/// How the x86-64 convention passes a value, as far as kernel code goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueClass {
    /// No value (a return type only).
    Void,
    /// An integer, enum or bool.
    Integer {
        /// Whether it must be sign-extended.
        signed: bool,
    },
    /// A pointer (arrays and functions as parameters are pointers too).
    Pointer,
    /// A floating-point value; not used at the border of the kernel.
    Float,
    /// A struct or union by value: up to 16 bytes in two registers, larger ones in memory.
    Aggregate,
}

/// The type of a parameter or of a return value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// Its type.
    pub type_id: TypeId,
    /// Its size in bytes; 0 for `void`.
    pub size: u64,
    /// How it is passed.
    pub class: ValueClass,
}

impl Value {
    /// Whether it is a pointer.
    pub fn is_pointer(&self) -> bool {
        self.class == ValueClass::Pointer
    }

    /// Whether it is a struct or union by value.
    pub fn is_aggregate(&self) -> bool {
        self.class == ValueClass::Aggregate
    }

    /// The general registers (or stack words) it needs: aggregates of more than 16 bytes are passed in memory.
    pub fn words(&self) -> u64 {
        match self.class {
            ValueClass::Void => 0,
            ValueClass::Aggregate => self.size.div_ceil(8),
            _ => self.size.div_ceil(8).max(1),
        }
    }
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Its name; empty when the prototype has none.
    pub name: String,
    /// Its type.
    pub value: Value,
}

/// A function's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prototype {
    /// The function; empty for a function pointer's type.
    pub name: String,
    /// What it returns.
    pub ret: Value,
    /// Its named parameters.
    pub params: Vec<Param>,
    /// Whether "..." follows them.
    pub variadic: bool,
}

impl Prototype {
    /// Whether arguments reach the function on the stack: more words than the six registers, or a large
    /// struct by value. A variadic's unnamed arguments are not counted.
    pub fn has_stack_arguments(&self) -> bool {
        let hidden = u64::from(self.ret.is_aggregate() && self.ret.size > 16);
        let mut words = hidden;
        for param in &self.params {
            if param.value.is_aggregate() && param.value.size > 16 {
                return true;
            }
            words = words.saturating_add(param.value.words());
        }
        words > 6
    }
}

impl Btf<'_> {
    /// The prototype of a function (the first, if several static ones share the name).
    pub fn prototype(&self, name: &str) -> Option<Prototype> {
        let func = self.functions(name).next()?;
        self.prototype_of(func)
    }

    /// The prototype of a function, of a function type, or of a pointer to one.
    pub fn prototype_of(&self, id: TypeId) -> Option<Prototype> {
        let mut name = "";
        let mut id = self.resolve(id)?;
        for _ in 0..3 {
            let record = self.record(id)?;
            match record.kind {
                Kind::Ptr => id = self.resolve(record.target())?,
                Kind::Func => {
                    name = self.string(record.name_off)?;
                    id = record.target();
                }
                Kind::FuncProto => break,
                _ => return None,
            }
        }
        let record = self.record(id).filter(|r| r.kind == Kind::FuncProto)?;
        let mut raw: Vec<(u32, TypeId)> = record.params().collect();
        let variadic = raw.last() == Some(&(0, TypeId::VOID));
        if variadic {
            raw.pop();
        }
        let param =
            |&(name, ty): &(u32, TypeId)| Some(Param { name: self.string(name)?.to_owned(), value: self.value(ty)? });
        let params = raw.iter().map(param).collect::<Option<Vec<_>>>()?;
        Some(Prototype { name: name.to_owned(), ret: self.value(record.target())?, params, variadic })
    }

    /// How a value of a type is passed.
    pub fn value(&self, type_id: TypeId) -> Option<Value> {
        let record = self.record(self.resolve(type_id)?)?;
        let class = match record.kind {
            Kind::Void => ValueClass::Void,
            Kind::Int => ValueClass::Integer { signed: u32_at(record.tail, 0)? >> 24 & 1 != 0 },
            Kind::Enum | Kind::Enum64 => ValueClass::Integer { signed: record.kflag },
            Kind::Ptr | Kind::Array | Kind::FuncProto => ValueClass::Pointer,
            Kind::Float => ValueClass::Float,
            Kind::Struct | Kind::Union => ValueClass::Aggregate,
            _ => return None,
        };
        let size = match class {
            ValueClass::Void => 0,
            ValueClass::Pointer => 8,
            _ => u64::from(record.size_or_type),
        };
        Some(Value { type_id, size, class })
    }
}
