//! Memory of a child and of all that it starts, bounded together by a control group (cgroups v2) of its own.
//!
//! A group is made where this process may make one and the memory controller is already handed down: beside
//! its own group, or in it. Nothing of the groups that are there is changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// How often a group whose processes were killed is looked at until it is empty, and the time between.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// A group with a limit; it is removed with everything in it.
#[derive(Debug)]
pub(super) struct ControlGroup {
    path: PathBuf,
}

impl ControlGroup {
    /// A new group that may have so many bytes, in the first of the places that allows one.
    pub(super) fn new(places: &[PathBuf], bytes: u64) -> Option<Self> {
        places.iter().find_map(|place| Self::below(place, bytes))
    }

    fn below(place: &Path, bytes: u64) -> Option<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let handed_down = fs::read_to_string(place.join("cgroup.subtree_control")).ok()?;
        if !handed_down.split_whitespace().any(|name| name == "memory") {
            return None;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ssl-lottery-{}-{number}", std::process::id());
        let path = place.join(name);
        fs::create_dir(&path).ok()?;
        let group = Self { path };
        fs::write(group.path.join("memory.max"), bytes.to_string()).ok()?;
        // What is not there is not needed: a system without swap, an older kernel. The limit is one of memory
        // and swap, and whoever passes it dies with all processes of the group.
        let _ = fs::write(group.path.join("memory.swap.max"), "0");
        let _ = fs::write(group.path.join("memory.oom.group"), "1");
        Some(group)
    }

    /// Moves a process into the group.
    pub(super) fn take(&self, pid: u32) -> io::Result<()> {
        fs::write(self.path.join("cgroup.procs"), pid.to_string())
    }

    /// Whether a process of the group was killed because its memory ran out.
    pub(super) fn ran_out(&self) -> bool {
        let events = fs::read_to_string(self.path.join("memory.events")).unwrap_or_default();
        let killed = |line: &str| line.strip_prefix("oom_kill ")?.trim().parse::<u64>().ok();
        events
            .lines()
            .find_map(killed)
            .is_some_and(|count| count > 0)
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // Whoever has left the child's process group is still in this one.
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
        for _ in 0..LOOKS {
            match fs::remove_dir(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => thread::sleep(PAUSE),
                _ => return,
            }
        }
    }
}

/// Where this process may try to make groups: beside its own, then in it.
pub(super) fn places() -> Vec<PathBuf> {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let mut places = places_of(&read("mountinfo"), &read("cgroup"));
    keep_own_limit(&mut places);
    places
}

/// A group beside one with a limit (a scheduler's) would be out of reach of that limit.
fn keep_own_limit(places: &mut Vec<PathBuf>) {
    if let [_, own] = &places[..]
        && fs::read_to_string(own.join("memory.max")).is_ok_and(|limit| limit.trim() != "max")
    {
        places.remove(0);
    }
}

/// As [`places`], by the contents of the process's `mountinfo` and `cgroup`.
fn places_of(mounts: &str, groups: &str) -> Vec<PathBuf> {
    // Fields: id, parent, device, root, mount point, options…, `-`, type. Spaces in paths are `\040`.
    let mount = mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        after.starts_with("cgroup2 ").then_some(())?;
        let mut fields = before.split(' ').skip(3);
        Some((fields.next()?, fields.next()?))
    });
    // The only hierarchy of version 2 has the number 0.
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    let (Some((root, point)), Some(own)) = (mount, own) else {
        return Vec::new();
    };
    let own = Path::new("/").join(own);
    let Ok(own) = own.strip_prefix(root) else {
        return Vec::new();
    };
    let point = Path::new(point);
    let beside = own.parent().map(|parent| point.join(parent));
    beside.into_iter().chain([point.join(own)]).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;

    const MOUNTS: &str = "\
22 1 0:21 / /proc rw,nosuid - proc proc rw
31 22 0:27 / /sys/fs/cgroup rw,nosuid,nodev shared:4 - cgroup2 cgroup2 rw,nsdelegate
40 22 8:1 / /data rw - ext4 /dev/sda1 rw
";

    #[test]
    fn groups_are_looked_for_beside_and_in_the_own_one() {
        let paths = |places: &[&str]| places.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            places_of(MOUNTS, "0::/user.slice/run.scope\n"),
            paths(&[
                "/sys/fs/cgroup/user.slice",
                "/sys/fs/cgroup/user.slice/run.scope"
            ])
        );
        // In a container its own group is the root of all that it sees.
        assert_eq!(places_of(MOUNTS, "0::/\n"), paths(&["/sys/fs/cgroup"]));
        let bound = MOUNTS.replace("0:27 / ", "0:27 /pods/a ");
        assert_eq!(
            places_of(&bound, "0::/pods/a/b/c\n"),
            paths(&["/sys/fs/cgroup/b", "/sys/fs/cgroup/b/c"])
        );
        assert!(places_of(&bound, "0::/pods/other\n").is_empty());
        // Version 1 alone.
        let old = "4:memory:/user\n1:name=systemd:/user\n";
        assert!(places_of(MOUNTS, old).is_empty());
        assert!(places_of("", "0::/\n").is_empty());
    }

    #[test]
    fn a_limit_of_the_own_group_is_not_left() {
        let own = tempfile::tempdir().unwrap();
        let kept = |limit: &str| {
            fs::write(own.path().join("memory.max"), limit).unwrap();
            let mut places = vec![PathBuf::from("/beside"), own.path().to_owned()];
            keep_own_limit(&mut places);
            places.len()
        };
        assert_eq!((kept("max\n"), kept("1073741824\n")), (2, 1));
    }

    #[test]
    fn a_group_is_made_where_memory_is_handed_down_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let place = |name: &str, handed_down: &str| {
            let path = root.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("cgroup.subtree_control"), handed_down).unwrap();
            path
        };
        let (bare, whole) = (place("bare", "cpu pids\n"), place("whole", "cpu memory\n"));
        assert!(ControlGroup::new(&[], 1).is_none());
        let places = [root.path().join("absent"), bare.clone()];
        assert!(ControlGroup::new(&places, 1).is_none());
        assert_eq!(fs::read_dir(&bare).unwrap().count(), 1);

        let group = ControlGroup::new(&[bare, whole.clone()], 3 << 30).unwrap();
        assert!(group.path.starts_with(&whole));
        let read = |name: &str| fs::read_to_string(group.path.join(name)).unwrap();
        assert_eq!(
            (read("memory.max"), read("memory.swap.max")),
            ("3221225472".into(), "0".into())
        );
        group.take(4321).unwrap();
        assert_eq!(read("cgroup.procs"), "4321");
        // What the kernel counts.
        assert!(!group.ran_out());
        let events = |kills: u32| format!("low 0\nhigh 0\nmax 7\noom 1\noom_kill {kills}\n");
        fs::write(group.path.join("memory.events"), events(0)).unwrap();
        assert!(!group.ran_out());
        fs::write(group.path.join("memory.events"), events(2)).unwrap();
        assert!(group.ran_out());
        let path = group.path.clone();
        drop(group);
        assert_eq!(fs::read_to_string(path.join("cgroup.kill")).unwrap(), "1");
    }
}
