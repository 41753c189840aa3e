//! Which system calls can still be made (seccomp(2)).
//!
//! The kernel kills a process that makes another one and logs its number (`type=1326` in the kernel's
//! log). Whoever needs a new one in a running gate adds it here, with what for.

use std::collections::BTreeMap;
use std::io;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use super::Fence;

/// Calls that are allowed with any argument.
const ALLOWED: &[c_long] = &[
    // Frames: kick, wake, sleep. Netlink. Messages to systemd.
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_ppoll,
    // The control socket's clients; the socket itself is open.
    libc::SYS_accept4,
    libc::SYS_shutdown,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    // Tunnels: datagrams of QUIC, several a call.
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    // What the kernel counts for a socket, and who a client is.
    libc::SYS_getsockopt,
    // The audit log, what is said, the config. Which files: Landlock.
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_lseek,
    libc::SYS_fcntl,
    // A panic's backtrace.
    libc::SYS_getcwd,
    libc::SYS_readlinkat,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Which memory is near: the allocator looks once, late.
    libc::SYS_getcpu,
    libc::SYS_faccessat,
    // Time and waiting.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_restart_syscall,
    // Threads: stack, core, the way out. That a thread is made is a rule below.
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Signals: handlers, and a second SIGTERM that ends the gate at once.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    // The identity store: its files are open, Landlock lets no other one be opened for writing.
    libc::SYS_pwrite64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_geteuid,
    // The audit log's oldest file, where settings say how much is kept.
    libc::SYS_unlinkat,
    // Records: a folder for each day, and a look at what is too old; syslog: the names of the log's files.
    libc::SYS_mkdirat,
    libc::SYS_getdents64,
    // Seeds of hash tables.
    libc::SYS_getrandom,
];

/// The same under the names that x86 still has from before.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[c_long] = &[
    libc::SYS_poll,
    libc::SYS_epoll_wait,
    libc::SYS_readlink,
    libc::SYS_access,
    libc::SYS_mkdir,
    libc::SYS_unlink,
    libc::SYS_rmdir,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[c_long] = &[];

/// Commands of bpf(2) (linux/bpf.h): assets come and go in maps that are open. No program, no new map.
const MAP_UPDATE: u64 = 2;
const MAP_DELETE: u64 = 3;

/// Kills the process at any other call, from now on.
///
/// # Errors
/// What the kernel refused.
pub(super) fn fence(syslog: bool) -> Result<Fence, Error> {
    let outcome = install(&clone3()?).and_then(|()| install(&filter(syslog)?));
    match outcome {
        Ok(()) => Ok(Fence::Up),
        Err(Error::Prctl(error) | Error::Seccomp(error)) if is_absent(&error) => Ok(Fence::Absent),
        Err(error) => Err(error),
    }
}

fn install(filter: &SeccompFilter) -> Result<(), Error> {
    let program: BpfProgram = filter.clone().try_into()?;
    apply_filter(&program)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS))
}

/// The list.
fn filter(syslog: bool) -> Result<SeccompFilter, BackendError> {
    SeccompFilter::new(calls(syslog)?, SeccompAction::KillProcess, SeccompAction::Allow, here()?)
}

fn calls(syslog: bool) -> Result<BTreeMap<c_long, Vec<SeccompRule>>, BackendError> {
    let any = ALLOWED.iter().chain(ALLOWED_HERE).map(|call| (*call, Vec::new()));
    let outward = if syslog { outward()? } else { Vec::new() };
    Ok(any.chain(restricted()?).chain(outward).collect())
}

/// What a gate that sends its audit log to a syslog server needs besides: a socket of IP, whom it connects to
/// (by TCP, Landlock says at which port), and two options.
fn outward() -> Result<Vec<(c_long, Vec<SeccompRule>)>, BackendError> {
    let families = [libc::AF_INET, libc::AF_INET6].map(|family| first(family as u64));
    let [four, six] = families;
    let option = |name: libc::c_int| rule(2, SeccompCmpOp::Eq, name as u64);
    let options = vec![option(libc::TCP_USER_TIMEOUT)?, option(libc::SO_SNDBUF)?];
    Ok(vec![
        (libc::SYS_socket, vec![four?, six?]),
        (libc::SYS_connect, Vec::new()),
        (libc::SYS_setsockopt, options),
    ])
}

/// Calls that are allowed with certain arguments.
fn restricted() -> Result<Vec<(c_long, Vec<SeccompRule>)>, BackendError> {
    let thread = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as u64;
    let own = u64::from(std::process::id());
    let name = libc::PR_SET_NAME as u64;
    // mimalloc names its memory.
    let name_memory = libc::PR_SET_VMA as u64;
    Ok(vec![
        (libc::SYS_bpf, vec![first(MAP_UPDATE)?, first(MAP_DELETE)?]),
        // A thread, never a process.
        (libc::SYS_clone, vec![rule(0, SeccompCmpOp::MaskedEq(thread), thread)?]),
        // Seen by its own filter first.
        (libc::SYS_clone3, Vec::new()),
        // Signals to itself, as abort() and a second SIGTERM do.
        (libc::SYS_tgkill, vec![first(own)?]),
        (libc::SYS_prctl, vec![first(name)?, first(name_memory)?]),
        // isatty().
        (libc::SYS_ioctl, vec![rule(1, SeccompCmpOp::Eq, libc::TCGETS)?]),
    ])
}

/// clone3 has its flags in memory, where no filter looks: it is "not there", and libc takes clone.
fn clone3() -> Result<SeccompFilter, BackendError> {
    let absent = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let calls = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    SeccompFilter::new(calls, SeccompAction::Allow, absent, here()?)
}

fn here() -> Result<TargetArch, BackendError> {
    std::env::consts::ARCH.try_into()
}

fn first(value: u64) -> Result<SeccompRule, BackendError> {
    rule(0, SeccompCmpOp::Eq, value)
}

/// That an argument, of which 32 bits count, is or has `value`.
fn rule(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value)?;
    SeccompRule::new(vec![condition])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_document_says_how_many_calls_are_left() {
        let text = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/HARDENING.md");
        let text = std::fs::read_to_string(text).unwrap();
        let says = format!("| {} of some 360, {} of them", calls(false).unwrap().len(), "six");
        assert_eq!(calls(true).unwrap().len(), calls(false).unwrap().len() + 3);
        assert_eq!(restricted().unwrap().len(), 6);
        assert!(text.contains(&says), "{says}");
    }
}
