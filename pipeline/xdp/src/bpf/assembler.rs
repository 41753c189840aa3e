//! BPF instructions (RFC 9669), as many as the program needs.

use std::os::fd::{AsRawFd, BorrowedFd};

/// One instruction, as the kernel takes it: `struct bpf_insn` of linux/bpf.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Instruction {
    code: u8,
    /// Destination in the low half, source in the high half.
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// A register. Arguments of a call are in R1 to R3 and its result is in R0; R6 to R9 outlive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Register {
    R0,
    R1,
    R2,
    R3,
    R6 = 6,
    R7,
    R8,
    R9,
    /// The end of the stack.
    Frame = 10,
}

/// Width of a load.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Width {
    /// 32 bits.
    Word = 0x00,
    /// 16 bits.
    Half = 0x08,
    /// 8 bits.
    Byte = 0x10,
}

/// Operation codes: class, operation and source (RFC 9669 sections 3 to 5).
mod code {
    pub(super) const ADD_IMMEDIATE: u8 = 0x07;
    pub(super) const MOVE_IMMEDIATE: u8 = 0xb7;
    pub(super) const MOVE_REGISTER: u8 = 0xbf;
    pub(super) const AND_IMMEDIATE_32: u8 = 0x54;
    pub(super) const LOAD: u8 = 0x61;
    pub(super) const STORE_WORD: u8 = 0x63;
    pub(super) const LOAD_MAP: u8 = 0x18;
    pub(super) const JUMP: u8 = 0x05;
    pub(super) const JUMP_GREATER_REGISTER: u8 = 0x2d;
    pub(super) const JUMP_EQUAL_IMMEDIATE_32: u8 = 0x16;
    pub(super) const JUMP_NOT_EQUAL_IMMEDIATE_32: u8 = 0x56;
    pub(super) const JUMP_NOT_EQUAL_REGISTER_32: u8 = 0x5e;
    pub(super) const JUMP_EQUAL_IMMEDIATE: u8 = 0x15;
    pub(super) const CALL: u8 = 0x85;
    pub(super) const EXIT: u8 = 0x95;
    /// Source field of [`LOAD_MAP`]: the immediate is a map's file descriptor.
    pub(super) const MAP_BY_FD: u8 = 1;
}

/// Condition of a jump.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// Always.
    Always,
    /// The first register is greater than the second.
    Greater(Register, Register),
    /// The low 32 bits are these.
    Is(Register, u32),
    /// The low 32 bits are not these.
    IsNot(Register, u32),
    /// The low 32 bits of the registers differ.
    Differ(Register, Register),
    /// A pointer is null.
    Null(Register),
}

/// A jump whose target is not known yet.
#[must_use = "a jump has to land"]
#[derive(Debug)]
pub(crate) struct Jump(usize);

/// Instructions in the making. Jumps go forward only.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    instructions: Vec<Instruction>,
}

impl Assembler {
    fn add(&mut self, code: u8, dst: u8, src: u8, offset: i16, immediate: i32) {
        let registers = dst | src << 4;
        self.instructions.push(Instruction { code, registers, offset, immediate });
    }

    /// `to = from`
    pub(crate) fn copy(&mut self, to: Register, from: Register) {
        self.add(code::MOVE_REGISTER, to as u8, from as u8, 0, 0);
    }

    /// `to = value`
    pub(crate) fn set(&mut self, to: Register, value: i32) {
        self.add(code::MOVE_IMMEDIATE, to as u8, 0, 0, value);
    }

    /// `to += value`
    pub(crate) fn advance(&mut self, to: Register, value: i32) {
        self.add(code::ADD_IMMEDIATE, to as u8, 0, 0, value);
    }

    /// `to &= mask`, 32 bits
    pub(crate) fn mask(&mut self, to: Register, mask: u32) {
        self.add(code::AND_IMMEDIATE_32, to as u8, 0, 0, mask.cast_signed());
    }

    /// `to = *(from + offset)`
    pub(crate) fn load(&mut self, width: Width, to: Register, from: Register, offset: i16) {
        self.add(code::LOAD | width as u8, to as u8, from as u8, offset, 0);
    }

    /// `*(to + offset) = from`, 32 bits
    pub(crate) fn store(&mut self, to: Register, offset: i16, from: Register) {
        self.add(code::STORE_WORD, to as u8, from as u8, offset, 0);
    }

    /// `to = &map`
    pub(crate) fn load_map(&mut self, to: Register, map: BorrowedFd<'_>) {
        self.add(code::LOAD_MAP, to as u8, code::MAP_BY_FD, 0, map.as_raw_fd());
        self.add(0, 0, 0, 0, 0);
    }

    /// `R0 = helper(R1, R2, R3)`
    pub(crate) fn call(&mut self, helper: i32) {
        self.add(code::CALL, 0, 0, 0, helper);
    }

    /// `return R0`
    pub(crate) fn exit(&mut self) {
        self.add(code::EXIT, 0, 0, 0, 0);
    }

    /// Jumps to where the result is [landed](Assembler::land).
    pub(crate) fn jump(&mut self, when: When) -> Jump {
        let at = self.instructions.len();
        let (code, dst, src, immediate) = match when {
            When::Always => (code::JUMP, 0, 0, 0),
            When::Greater(a, b) => (code::JUMP_GREATER_REGISTER, a as u8, b as u8, 0),
            When::Is(a, value) => (code::JUMP_EQUAL_IMMEDIATE_32, a as u8, 0, value),
            When::IsNot(a, value) => (code::JUMP_NOT_EQUAL_IMMEDIATE_32, a as u8, 0, value),
            When::Differ(a, b) => (code::JUMP_NOT_EQUAL_REGISTER_32, a as u8, b as u8, 0),
            When::Null(a) => (code::JUMP_EQUAL_IMMEDIATE, a as u8, 0, 0),
        };
        self.add(code, dst, src, 0, immediate.cast_signed());
        Jump(at)
    }

    /// Lets jumps end here.
    pub(crate) fn land(&mut self, jumps: impl IntoIterator<Item = Jump>) {
        let here = self.instructions.len();
        for Jump(at) in jumps {
            if let Some(jump) = self.instructions.get_mut(at) {
                // The whole program is shorter than 2^15.
                jump.offset = (here - at - 1) as i16;
            }
        }
    }

    /// The instructions.
    pub(crate) fn finish(self) -> Vec<Instruction> {
        self.instructions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_have_the_form_of_the_specification() {
        let mut assembler = Assembler::default();
        assembler.copy(Register::R6, Register::R1);
        let jump = assembler.jump(When::Greater(Register::R1, Register::R8));
        assembler.load(Width::Half, Register::R2, Register::R7, 12);
        assembler.land([jump]);
        assembler.exit();
        let found: Vec<_> = assembler
            .finish()
            .iter()
            .map(|i| (i.code, i.registers, i.offset, i.immediate))
            .collect();
        let wanted = [(0xbf, 0x16, 0, 0), (0x2d, 0x81, 1, 0), (0x69, 0x72, 12, 0), (0x95, 0, 0, 0)];
        assert_eq!(found, wanted);
        assert_eq!((size_of::<Instruction>(), Register::Frame as u8), (8, 10));
    }
}
