//! Who runs on which core.
//!
//! A worker that has a core of its own is to meet nobody on it: whatever else the gate does, it does on the other
//! cores, where there are any.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use wicketgate_policy::Tuning;

use crate::cli;

/// The core of each worker; empty for any.
pub(super) fn of_workers(arguments: &cli::Run, tuning: &Tuning) -> Result<Vec<usize>, String> {
    let named = if arguments.core.is_empty() { &tuning.cores } else { &arguments.core };
    let workers = usize::from(tuning.workers);
    if named.is_empty() || named.len() == workers {
        return Ok(named.clone());
    }
    Err(format!("--core names {} cores: name one for each of {workers} workers", named.len()))
}

/// Has the thread that calls this, and all that it starts, keep off these cores; where it may run on no other it
/// stays where it is.
///
/// # Errors
/// What the kernel says.
pub(super) fn leave(cores: &[usize]) -> io::Result<()> {
    let others = without(sched_getaffinity(None)?, cores);
    if others.count() > 0 {
        sched_setaffinity(None, &others)?;
    }
    Ok(())
}

fn without(mut set: CpuSet, cores: &[usize]) -> CpuSet {
    cores.iter().filter(|core| **core < CpuSet::MAX_CPU).for_each(|core| set.unset(*core));
    set
}

/// Has the thread that calls this run on that core, and on no other.
///
/// # Errors
/// There is no such core for it.
pub(super) fn pin(core: usize) -> io::Result<()> {
    if core >= CpuSet::MAX_CPU {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut only = CpuSet::new();
    only.set(core);
    Ok(sched_setaffinity(None, &only)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(cores: &[usize]) -> CpuSet {
        let mut set = CpuSet::new();
        cores.iter().for_each(|core| set.set(*core));
        set
    }

    #[test]
    fn who_is_no_worker_has_the_cores_that_are_no_workers() {
        assert_eq!(without(set(&[0, 1, 2, 3]), &[1, 3]), set(&[0, 2]));
        assert_eq!(without(set(&[0, 1]), &[]), set(&[0, 1]));
        assert_eq!(without(set(&[0]), &[usize::MAX, 9]), set(&[0]), "there are no such cores");
    }

    #[test]
    fn who_has_no_other_core_stays() {
        std::thread::spawn(|| {
            let before = sched_getaffinity(None).unwrap();
            let all: Vec<usize> = (0..CpuSet::MAX_CPU).collect();
            leave(&all).unwrap();
            assert_eq!(sched_getaffinity(None).unwrap(), before);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn what_a_thread_starts_keeps_off_the_cores_too() {
        std::thread::spawn(|| {
            let first =
                (0..CpuSet::MAX_CPU).find(|core| sched_getaffinity(None).unwrap().is_set(*core));
            pin(first.unwrap()).unwrap();
            let only = set(&[first.unwrap()]);
            let started = std::thread::spawn(|| sched_getaffinity(None).unwrap());
            assert_eq!(started.join().unwrap(), only);
        })
        .join()
        .unwrap();
    }
}
