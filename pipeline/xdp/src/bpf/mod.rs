//! BPF without a compiler: the program is assembled here and goes to the kernel by bpf(2).

pub(crate) mod assembler;
pub(crate) mod program;
pub(crate) mod syscall;
