//! The frames of minified JavaScript as they were written, by source maps in the project's folder.
//!
//! A map is looked for where the settings say, else beside the bundle, by the end of the path that the log printed; it is
//! never looked for outside the project's folder, nor through a link that leads out of it. What the log printed stays in
//! the text of the sample. A bundle without a map stays as it is.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use groundcrew_core::trace::{Frame, Trace};
use groundcrew_logs::Record;
use groundcrew_logs::source_map::{Original, Place, originals};

use crate::site::Site;

/// Largest map that is read, in bytes.
const LARGEST: u64 = 24 * 1024 * 1024;

/// Places whose originals are remembered within one scan, and maps that one scan reads.
const REMEMBERED: usize = 4_096;
const MAPS: usize = 64;

/// Folders of a printed path that are tried.
const DEPTH: usize = 8;

/// Frames of a stack that are looked up.
const FRAMES: usize = 50;

/// Finds originals for one scan.
pub(super) struct Originals {
    root: PathBuf,
    folder: Option<PathBuf>,
    /// The map of each printed file; none where there is none.
    maps: BTreeMap<String, Option<PathBuf>>,
    known: BTreeMap<(String, Place), Option<Original>>,
    read: usize,
}

impl Originals {
    /// For the maps of a project.
    pub(super) fn of(site: &Site) -> Self {
        let folder = site.config.release.source_maps.as_deref().filter(|folder| is_inside(Path::new(folder)));
        Self {
            root: site.root.canonicalize().unwrap_or_else(|_| site.root.clone()),
            folder: folder.map(PathBuf::from),
            maps: BTreeMap::new(),
            known: BTreeMap::new(),
            read: 0,
        }
    }

    /// Puts what was written in the place of what runs, in the frames of a record's stack.
    pub(super) fn put(&mut self, record: &mut Record) {
        let Some(trace) = record.trace.as_mut().filter(|trace| has_bundle(trace)) else { return };
        let text = record.text.clone();
        self.put_in(trace, &text);
        for cause in &mut trace.causes {
            self.put_in(cause, &text);
        }
    }

    fn put_in(&mut self, trace: &mut Trace, text: &str) {
        let places = places(&trace.frames, text);
        self.look_up(&places);
        let found: Vec<Option<Original>> = places
            .iter()
            .map(|place| place.as_ref().and_then(|place| self.known.get(place).cloned().flatten()))
            .collect();
        for (at, frame) in trace.frames.iter_mut().take(FRAMES).enumerate() {
            let Some(original) = found.get(at).and_then(Option::as_ref) else { continue };
            let Some(file) = beneath(&original.source, self.folder_of(frame).as_deref()) else { continue };
            // What a call named is what the function is called that the frame below is in.
            let called = found.get(at + 1).and_then(Option::as_ref).and_then(|caller| caller.name.clone());
            frame.in_app = !file.contains("node_modules/") && !file.starts_with("webpack/");
            frame.file = Some(file);
            frame.line = Some(original.line);
            frame.function = called.or_else(|| frame.function.take());
            frame.source = None;
        }
    }

    /// Looks up the places that are not known yet, those of one map together.
    fn look_up(&mut self, places: &[Option<(String, Place)>]) {
        let mut wanted: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
        for (file, place) in places.iter().flatten() {
            if !self.known.contains_key(&(file.clone(), *place)) {
                wanted.entry(file).or_default().push(*place);
            }
        }
        for (file, places) in wanted {
            if self.known.len() + places.len() > REMEMBERED {
                self.known.clear();
            }
            let map = self.map_of(file).filter(|_| self.read < MAPS).and_then(|path| {
                self.read += 1;
                read(&path)
            });
            let found =
                map.and_then(|map| originals(&map, &places)).unwrap_or_else(|| vec![None; places.len()]);
            self.known.extend(places.into_iter().map(|place| (file.to_owned(), place)).zip(found));
        }
    }

    /// The map of a printed file.
    fn map_of(&mut self, printed: &str) -> Option<PathBuf> {
        if let Some(known) = self.maps.get(printed) {
            return known.clone();
        }
        let path = printed.split(['?', '#']).next().unwrap_or(printed);
        let path = path.split_once("://").map_or(path, |(_, rest)| rest);
        let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
        let first = parts.len().saturating_sub(DEPTH);
        let ends = (first..parts.len()).map(|at| parts[at..].join("/"));
        let folder = self.folder.clone().unwrap_or_default();
        let found = ends
            .map(|end| folder.join(format!("{end}.map")))
            .filter(|path| is_inside(path))
            .find_map(|path| self.plain(&path));
        if self.maps.len() >= REMEMBERED {
            self.maps.clear();
        }
        self.maps.insert(printed.to_owned(), found.clone());
        found
    }

    /// A plain file beneath the root, with all links followed.
    fn plain(&self, path: &Path) -> Option<PathBuf> {
        let real = self.root.join(path).canonicalize().ok()?;
        let found = fs::symlink_metadata(&real).ok()?;
        (real.starts_with(&self.root) && found.is_file() && found.len() <= LARGEST).then_some(real)
    }

    /// The folder of a frame's map, relative to the root.
    fn folder_of(&self, frame: &Frame) -> Option<PathBuf> {
        let map = self.maps.get(frame.file.as_deref()?)?.as_ref()?;
        Some(map.strip_prefix(&self.root).ok()?.parent()?.to_owned())
    }
}

/// Whether a stack has a frame in a file that a build may have made, before anything costs time.
fn has_bundle(trace: &Trace) -> bool {
    let is_script = |frame: &Frame| {
        let file = frame.file.as_deref().unwrap_or_default();
        [".js", ".mjs", ".cjs"].iter().any(|ending| file.ends_with(ending)) || file.contains(".js?")
    };
    trace.frames.iter().any(is_script) || trace.causes.iter().any(|cause| cause.frames.iter().any(is_script))
}

/// The place of each frame: its column stands in the text behind file and line. Frames come in the order of the text.
fn places(frames: &[Frame], text: &str) -> Vec<Option<(String, Place)>> {
    let mut rest = text;
    frames
        .iter()
        .take(FRAMES)
        .map(|frame| {
            let (file, line) = (frame.file.as_deref()?, frame.line?);
            let printed = format!("{file}:{line}:");
            let at = rest.find(&printed)?;
            rest = &rest[at + printed.len()..];
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let column = rest[..digits].parse().ok()?;
            Some((file.to_owned(), Place { line, column }))
        })
        .collect()
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LARGEST).then_some(bytes)
}

/// Whether a relative path stays where it begins.
fn is_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// A source that a map in a folder names, as a path beneath the root; none where it leads out of it.
fn beneath(source: &str, folder: Option<&Path>) -> Option<String> {
    let (source, anchored) = match source.split_once("://") {
        // `webpack://shop/./src/cart.ts`: what the bundler calls the root of the project.
        Some((_, rest)) => (rest.split_once('/').map_or(rest, |(_, path)| path), true),
        None => (source, source.starts_with('/')),
    };
    let mut parts: Vec<&str> = Vec::new();
    let folder = folder.filter(|_| !anchored).and_then(Path::to_str).unwrap_or_default();
    for part in folder.split('/').chain(source.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    (!source.is_empty() && !path.is_empty() && !path.chars().any(char::is_control)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line 1, columns 1 and 6 of the bundle: `total` on line 3 and `price` on line 3 of `../src/cart.ts`.
    const MAP: &str = r#"{"version":3,"sources":["../src/cart.ts"],"names":["total","price"],"mappings":"AAEAA,KAAKC,KAIL"}"#;

    fn originals_in(root: &Path, folder: Option<&str>) -> Originals {
        Originals {
            root: root.canonicalize().unwrap(),
            folder: folder.map(PathBuf::from),
            maps: BTreeMap::new(),
            known: BTreeMap::new(),
            read: 0,
        }
    }

    fn frame(file: &str) -> Frame {
        Frame { file: Some(file.into()), line: Some(1), function: Some("t".into()), ..Frame::default() }
    }

    const TEXT: &str =
        "TypeError: x\n    at t (/srv/shop/dist/app.min.js:1:12)\n    at /srv/shop/dist/app.min.js:1:3";

    fn resolved(root: &Path, folder: Option<&str>) -> Vec<(String, u32, String)> {
        let file = "/srv/shop/dist/app.min.js";
        let mut trace = Trace { frames: vec![frame(file), frame(file)], ..Trace::default() };
        originals_in(root, folder).put_in(&mut trace, TEXT);
        let told = |frame: Frame| (frame.file.unwrap(), frame.line.unwrap(), frame.function.unwrap());
        trace.frames.into_iter().map(told).collect()
    }

    #[test]
    fn the_frames_of_a_bundle_are_those_of_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("dist")).unwrap();
        fs::write(folder.path().join("dist/app.min.js.map"), MAP).unwrap();
        let wanted = [
            ("src/cart.ts".to_owned(), 7, "total".to_owned()),
            ("src/cart.ts".to_owned(), 3, "t".to_owned()),
        ];
        assert_eq!(resolved(folder.path(), None), wanted, "beside the bundle");
        assert_eq!(resolved(folder.path(), Some("dist")), wanted, "where the settings say");
        assert_eq!(resolved(folder.path(), Some("other"))[0].0, "/srv/shop/dist/app.min.js");
    }

    #[test]
    fn a_map_outside_the_project_is_not_read_and_none_leads_out_of_it() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("app.min.js.map"), MAP).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("dist")).unwrap();
        assert_eq!(resolved(folder.path(), None)[0].0, "/srv/shop/dist/app.min.js");
        for (source, told) in [
            ("../../../etc/passwd", None),
            ("/../etc/passwd", None),
            ("webpack://shop/./src/cart.ts", Some("src/cart.ts")),
            ("webpack:///./src/cart.ts", Some("src/cart.ts")),
            ("../src/cart.ts", Some("src/cart.ts")),
            ("cart.ts", Some("dist/cart.ts")),
            ("a\u{1b}[2J", None),
            ("", None),
        ] {
            assert_eq!(beneath(source, Some(Path::new("dist"))).as_deref(), told, "{source}");
        }
        assert!(!is_inside(Path::new("../x.map")) && !is_inside(Path::new("/x.map")));
    }

    #[test]
    fn a_map_that_is_broken_or_too_large_leaves_the_frames_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("dist")).unwrap();
        let map = folder.path().join("dist/app.min.js.map");
        fs::write(&map, "{\"version\":3").unwrap();
        assert_eq!(resolved(folder.path(), None)[0].1, 1);
        File::create(&map).unwrap().set_len(LARGEST + 1).unwrap();
        assert_eq!(resolved(folder.path(), None)[0].0, "/srv/shop/dist/app.min.js");
    }
}
