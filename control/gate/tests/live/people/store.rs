//! What can happen to the store. Nothing of it may reach a machine.

use std::os::unix::fs::PermissionsExt;

use super::*;

/// What can happen to a file.
type Damage = fn(&Path);

fn truncated(file: &Path) {
    std::fs::OpenOptions::new().write(true).open(file).unwrap().set_len(0).unwrap();
}

fn removed(file: &Path) {
    std::fs::remove_file(file).unwrap();
}

/// The same file with other bytes in it.
fn overwritten(file: &Path) {
    let length = std::fs::metadata(file).unwrap().len().max(4096);
    let open = std::fs::OpenOptions::new().write(true).open(file);
    open.unwrap().write_all(&vec![0xa5; usize::try_from(length).unwrap()]).unwrap();
}

/// Another file in its place.
fn replaced(file: &Path) {
    let other = file.with_extension("other");
    std::fs::write(&other, vec![0x5a; 8192]).unwrap();
    std::fs::rename(other, file).unwrap();
}

fn forbidden(file: &Path) {
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o000)).unwrap();
}

#[test]
fn whatever_happens_to_the_stores_files_machines_go_on() {
    let (server, _) = need!("whatever_happens_to_the_stores_files_machines_go_on");
    let damages: [Damage; 5] = [truncated, removed, overwritten, replaced, forbidden];
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    let secret = office.add("alice", &["maintenance"]);
    let folder = office.state.join("identity");
    let sound = office.plant.file("sound");
    copy(&folder, &sound);
    for (damage, number) in damages.into_iter().zip(0..) {
        std::fs::remove_dir_all(&folder).unwrap();
        copy(&sound, &folder);
        let gate = office.plant.try_start(&format!("audit-{number}.jsonl"));
        assert!(gate.says("running"));
        let hmi = Hmi::start(&office.plant);
        // What it keeps in memory is there before the files go.
        assert_eq!(office.log_in("alice", "000000").0, 401);
        for file in ["store.db-shm", "store.db-wal", "store.db", "key"] {
            let file = folder.join(file);
            if !file.exists() {
                continue;
            }
            damage(&file);
            // Perhaps what it has open is enough for a login, perhaps not: there is an answer.
            let (status, said) = office.log_in("alice", &code(&secret, 0));
            assert!(matches!(status, 200 | 401 | 429 | 503), "{}: {status} {said}", file.display());
        }
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", gate.id())).unwrap();
        assert!(!maps.contains("identity"), "a file that is mapped is a file that kills: {maps}");
        hmi.stop();
        assert_whole(&gate.stop());
    }
}

/// The files of a folder, with the modes that a store has.
fn copy(from: &Path, to: &Path) {
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::create_dir(to).unwrap();
    mode(to, 0o700);
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        mode(&to.join(file.file_name()), 0o600);
    }
}

/// A small disk; it goes with this.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Disk {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs"]).arg(at);
        assert!(mount.status().unwrap().success());
        Disk(at.to_owned())
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("full")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("full")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_lets_nobody_in_and_stops_no_machine() {
    let (server, _) = need!("a_full_disk_lets_nobody_in_and_stops_no_machine");
    let office = Office::new(RULES);
    let disk = Disk::mount(&office.state);
    let _device = device(&office.plant, &server);
    let secret = office.add("alice", &["maintenance"]);
    let gate = office.start();
    let hmi = Hmi::start(&office.plant);
    disk.fill();
    let (status, _) = office.log_in("alice", &code(&secret, 0));
    assert_eq!(status, 401, "what cannot be counted is refused");
    hmi.goes_on();
    disk.empty();
    let (status, login) = office.log_in("alice", &code(&secret, 0));
    assert_eq!(status, 200, "{login}: the code was not used up");
    hmi.stop();
    drop(gate.stop());
    assert_eq!(office.audited("login-refused")[0]["reason"], "store-failed");
}

#[test]
fn without_a_store_the_gate_runs_for_machines() {
    let (server, _) = need!("without_a_store_the_gate_runs_for_machines");
    let office = Office::new(RULES);
    let _device = device(&office.plant, &server);
    std::fs::create_dir_all(office.state.join("identity")).unwrap();
    std::fs::write(office.state.join("identity/store.db"), "not a store").unwrap();
    let gate = office.plant.try_start("audit.jsonl");
    assert!(gate.says("nobody can log in"));
    assert!(gate.says("running"));
    let hmi = Hmi::start(&office.plant);
    let (status, fault) = office.log_in("alice", "123456");
    assert_eq!((status, &fault["code"]), (503, &json!("unavailable")));
    hmi.stop();
    drop(gate.stop());
}
