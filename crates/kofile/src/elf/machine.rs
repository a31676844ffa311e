//! The machines (`e_machine`) that modules are read for, and the names of those that are not.

use std::fmt;

/// A supported machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Machine {
    /// `EM_X86_64`
    X86_64,
    /// `EM_AARCH64`
    Aarch64,
    /// `EM_RISCV`, 64 bits
    Riscv64,
}

impl Machine {
    /// The machine with an `e_machine`, or the name of an unsupported one.
    pub(crate) fn from_raw(machine: u16) -> Result<Self, &'static str> {
        Err(match machine {
            62 => return Ok(Self::X86_64),
            183 => return Ok(Self::Aarch64),
            243 => return Ok(Self::Riscv64),
            0 => "none",
            2 => "SPARC",
            3 => "Intel 80386",
            4 => "Motorola 68000",
            8 => "MIPS",
            15 => "PA-RISC",
            20 => "PowerPC",
            21 => "64-bit PowerPC",
            22 => "IBM S/390",
            40 => "32-bit ARM",
            42 => "SuperH",
            43 => "SPARC v9",
            50 => "IA-64",
            93 => "ARC",
            94 => "Xtensa",
            164 => "Hexagon",
            189 => "MicroBlaze",
            195 => "ARCv2",
            247 => "BPF",
            252 => "C-SKY",
            258 => "LoongArch",
            0x9026 => "Alpha",
            _ => "unknown",
        })
    }

    /// The name by which `uname -m` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Riscv64 => "riscv64",
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[test]
fn machine_knows_its_number() {
    assert_eq!(Machine::from_raw(62), Ok(Machine::X86_64));
    assert_eq!(Machine::from_raw(183), Ok(Machine::Aarch64));
    assert_eq!(Machine::from_raw(243), Ok(Machine::Riscv64));
    assert_eq!(Machine::from_raw(40), Err("32-bit ARM"));
    assert_eq!(Machine::from_raw(9999), Err("unknown"));
}
