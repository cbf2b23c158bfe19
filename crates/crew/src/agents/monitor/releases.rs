//! Which release wrote a record: the record itself says so, else the folder that its stack lies in, else the settings.
//!
//! The file that the settings name says what runs since it was last written; what was logged before ran something else.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use groundcrew_core::incident::ReleaseCount;
use groundcrew_logs::Record;
use jiff::Timestamp;

use crate::release::{is_name, of_paths};
use crate::site::Site;

/// Bytes of the file that are read.
const READ: u64 = 1024;

/// Releases of one scan that are counted; a log that names one in every line is not believed.
const MOST: usize = 64;

/// Tells the release of each record of a scan, and counts them.
#[derive(Debug, Default)]
pub(super) struct Releases {
    /// What the file names, and since when.
    file: Option<(String, Timestamp)>,
    counts: Vec<ReleaseCount>,
}

impl Releases {
    /// With what the settings of a project name now.
    pub(super) fn of(site: &Site) -> Self {
        let file = site.config.release.file.as_ref().and_then(|path| first_line(&site.root.join(path)));
        Self { file, counts: Vec::new() }
    }

    /// The release that wrote a record.
    pub(super) fn of_record(&self, record: &Record, at: Timestamp) -> Option<String> {
        let by_paths = || record.trace.as_ref().and_then(of_paths);
        let named = named(record.release.as_deref()).map(str::to_owned);
        named.or_else(by_paths).or_else(|| self.by_file(at).map(str::to_owned))
    }

    /// Counts one record of a release, which it names itself or not; false where there are too many releases already.
    pub(super) fn count(&mut self, name: Option<&str>, at: Timestamp) -> bool {
        match named(name).or_else(|| self.by_file(at)).map(str::to_owned) {
            Some(release) => count(&mut self.counts, &release, at),
            None => true,
        }
    }

    /// The releases that were counted, with the records of each.
    pub(super) fn take(&mut self) -> Vec<ReleaseCount> {
        std::mem::take(&mut self.counts)
    }

    fn by_file(&self, at: Timestamp) -> Option<&str> {
        self.file.as_ref().filter(|(_, since)| at >= *since).map(|(name, _)| name.as_str())
    }
}

fn named(name: Option<&str>) -> Option<&str> {
    name.map(str::trim).filter(|name| is_name(name))
}

/// Counts one record more of a release; false where there are too many releases already.
pub(super) fn count(counts: &mut Vec<ReleaseCount>, release: &str, at: Timestamp) -> bool {
    if let Some(known) = counts.iter_mut().rev().find(|known| known.release == release) {
        known.count += 1;
        known.first = known.first.min(at);
        known.last = known.last.max(at);
        return true;
    }
    let room = counts.len() < MOST;
    if room {
        counts.push(ReleaseCount { release: release.to_owned(), count: 1, first: at, last: at });
    }
    room
}

/// Adds what was counted of a release elsewhere; nothing where there are too many releases already.
pub(super) fn add(counts: &mut Vec<ReleaseCount>, more: &ReleaseCount) {
    if let Some(known) = counts.iter_mut().find(|known| known.release == more.release) {
        known.count += more.count;
        known.first = known.first.min(more.first);
        known.last = known.last.max(more.last);
    } else if counts.len() < MOST {
        counts.push(more.clone());
    }
}

/// The first line of a plain file, if it is a name, and when the file was last written.
fn first_line(path: &Path) -> Option<(String, Timestamp)> {
    // A link in a repository could lead to anything on the machine.
    let found = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    let since = Timestamp::try_from(found.modified().ok()?).ok()?;
    let mut text = String::new();
    File::open(path).ok()?.take(READ).read_to_string(&mut text).ok()?;
    let name = text.lines().next()?.trim();
    is_name(name).then(|| (name.to_owned(), since))
}

#[cfg(test)]
mod tests {
    use groundcrew_core::trace::{Frame, Trace};
    use groundcrew_logs::{Redactor, ScanOptions, scan};

    use super::*;

    /// The record of one line of a log.
    fn record(line: &str) -> Record {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        fs::write(&path, format!("{line}\n")).unwrap();
        let options = ScanOptions { flush: true, ..ScanOptions::new(Redactor::new(&[7; 32])) };
        scan(&path, None, &options).unwrap().records.remove(0)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_record_counts_before_its_paths_and_these_before_the_file() {
        let releases = Releases { file: Some(("v9".into(), at(100))), counts: Vec::new() };
        let plain = record("ERROR shop: broken");
        let frame = Frame {
            file: Some("/opt/releases/20261105-9f3c1ab/shop.py".into()),
            in_app: true,
            ..Frame::default()
        };
        let installed = Record {
            trace: Some(Trace { frames: vec![frame], ..Trace::default() }),
            release: None,
            ..plain.clone()
        };
        let named = Record { release: Some("v2".into()), ..installed.clone() };
        let of = |record, second| releases.of_record(record, at(second)).unwrap_or_default();
        let told = [of(&named, 200), of(&installed, 200), of(&plain, 200), of(&plain, 99)];
        assert_eq!(told, ["v2", "20261105-9f3c1ab", "v9", ""]);
    }

    #[test]
    fn a_log_that_names_a_release_in_every_line_is_not_believed() {
        let mut counts = Vec::new();
        let taken = (0..1_000).filter(|n| count(&mut counts, &format!("r{n}"), at(1))).count();
        assert_eq!((taken, counts.len()), (MOST, MOST));
        assert!(count(&mut counts, "r3", at(9)));
        assert_eq!((counts[3].count, counts[3].first, counts[3].last), (2, at(1), at(9)));
    }

    #[test]
    fn the_file_is_a_plain_one_with_a_name_in_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("VERSION");
        fs::write(&path, "v1.2.3\nbuilt by Ann\n").unwrap();
        assert_eq!(first_line(&path).map(|(name, _)| name).as_deref(), Some("v1.2.3"));
        fs::write(&path, "$(reboot)\n").unwrap();
        assert_eq!(first_line(&path), None);
        let link = folder.path().join("LINK");
        std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
        assert_eq!((first_line(&link), first_line(folder.path())), (None, None));
    }
}
