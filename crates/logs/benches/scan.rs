//! How fast a log is scanned: reads files, or fifty thousand lines of every common kind made here, and prints megabytes per
//! second, by the time that the processor worked for the program and by the clock.
//!
//! Logs for tests often repeat the same few thousand lines, which flatters whatever remembers lines. The kinds with new
//! numbers, ids and words have values that hardly ever come again, of all lengths, as a program under load writes them.
//!
//! Run it before and after a change on one machine: `cargo bench -p groundcrew-logs --bench scan -- [FILE…]`; with
//! `WAY="errors only"` one way of scanning alone.
#![allow(clippy::print_stdout, reason = "a measurement speaks")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use groundcrew_logs::{Keep, Miner, Observe, Observer, Redactor, ScanOptions, Seen, fingerprint, scan};
use mimalloc::MiMalloc;
use nix::sys::resource::{UsageWho, getrusage};

/// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const ROUNDS: usize = 2;
/// How long a round takes at least, since systems tell the time of work in steps of several milliseconds.
const ROUND: Duration = Duration::from_millis(150);
const LINES: usize = 50_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("groundcrew-scan-speed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    // Cargo adds an option of its own.
    let files = std::env::args_os().skip(1).filter(|text| text != "--bench");
    let files: Vec<PathBuf> = files.map(PathBuf::from).collect();
    for path in &files {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        measure(&name, path)?;
    }
    if files.is_empty() {
        for (name, line) in KINDS {
            let path = folder.join(name);
            let mut text = String::new();
            for n in 0..LINES {
                line(&mut text, n)?;
            }
            std::fs::write(&path, text)?;
            measure(name, &path)?;
        }
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

type Line = fn(&mut String, usize) -> std::fmt::Result;

const KINDS: [(&str, Line); 8] = [
    ("headed", |out, n| {
        writeln!(
            out,
            "2026-11-05T10:{:02}:{:02}.123Z INFO shop.http GET /cart/{n} 200 {n}ms",
            n / 60 % 60,
            n % 60
        )
    }),
    ("bare", |out, n| writeln!(out, "listening on port {n} for requests of the shop, as before")),
    ("json", |out, n| {
        writeln!(
            out,
            "{{\"time\":\"2026-11-05T10:00:00Z\",\"level\":\"info\",\"msg\":\"GET /cart/{n}\",\"ms\":{n}}}"
        )
    }),
    ("syslog", |out, n| {
        writeln!(out, "<14>Nov  5 10:00:00 web0 shop[401]: INFO shop.http GET /cart/{n} 200")
    }),
    ("errors", |out, n| {
        writeln!(
            out,
            "2026-11-05T10:00:00Z ERROR shop.web failed\nTraceback (most recent call last):\n  File \"/srv/app/app.py\", line {n}, in load_user\n    return users[uid]\nKeyError: 'u{n}'"
        )
    }),
    ("new numbers", |out, n| {
        let (block, size, port, host) = (new(n, 0), new(n, 1) % 70_000_000, new(n, 2) % 65536, new(n, 3));
        let thread = new(n, 4) % 4000;
        write!(
            out,
            "0811{:02} {:02}{:02}{:02} {thread} INFO dfs.DataNode$",
            n / 20_000 + 1,
            n / 3600 % 24,
            n / 60 % 60,
            n % 60
        )?;
        match n % 3 {
            0 => writeln!(
                out,
                "PacketResponder: Received block blk_{block} of size {size} from /10.251.{}.{}",
                host % 256,
                host >> 8 & 255
            ),
            1 => writeln!(
                out,
                "DataXceiver: Receiving block blk_-{block} src: /10.250.{}.{}:{port} dest: /10.250.9.1:50010",
                host % 256,
                host >> 8 & 255
            ),
            _ => writeln!(
                out,
                "FSDataset: Deleting block blk_{block} file /mnt/hadoop/dfs/data/current/subdir{}/blk_{block}",
                host % 64
            ),
        }
    }),
    ("new ids", |out, n| {
        let (one, two, three) = (new(n, 0), new(n, 1), new(n, 2));
        let (time, size) = (new(n, 3) % 10_000_000, new(n, 4) % 4000);
        write!(
            out,
            "2026-11-05 10:{:02}:{:02}.{:03} 25746 INFO shop.api.server [req-",
            n / 60 % 60,
            n % 60,
            three % 1000
        )?;
        write!(
            out,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x} ",
            one >> 32,
            one >> 16 & 0xffff,
            one & 0xffff,
            two >> 48,
            two & 0xffff_ffff_ffff
        )?;
        writeln!(
            out,
            "{three:016x}{one:016x} - - -] 10.11.10.1 \"GET /v2/{two:016x}{three:016x}/carts HTTP/1.1\" status: 200 len: {size} time: 0.{time}"
        )
    }),
    ("new words", |out, n| {
        let word = |out: &mut String, salt: u64| {
            let (mut rest, length) = (new(n, salt), 3 + new(n, salt + 100) % 8);
            for _ in 0..length {
                out.push(char::from(b'a' + u8::try_from(rest % 26).unwrap_or_default()));
                rest /= 26;
            }
        };
        write!(
            out,
            "Nov  5 {:02}:{:02}:{:02} web0 shopd({})[{}]: session opened for user ",
            n / 3600 % 24,
            n / 60 % 60,
            n % 60,
            n % 7,
            n % 4000
        )?;
        word(out, 0);
        write!(out, " of group ")?;
        word(out, 1);
        writeln!(out, " after {} tries", new(n, 2) % 12)
    }),
];

/// A number that is as good as drawn, and the same in every run.
fn new(n: usize, salt: u64) -> u64 {
    let mut number = (n as u64 ^ salt << 40).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// Sees every message as the crew does.
struct Kinds(Miner);

impl Observe for Kinds {
    fn observe(&mut self, seen: Seen<'_>) {
        match seen.shape {
            Some(shape) => self.0.observe_shape(seen.message, shape),
            None => self.0.observe(seen.message),
        };
    }
}

/// How a log is scanned.
fn ways() -> [(&'static str, ScanOptions); 3] {
    let all = ScanOptions { flush: true, max_bytes: 4 << 20, ..ScanOptions::new(Redactor::new(b"key")) };
    let all = ScanOptions { max_records: usize::MAX, ..all };
    let errors = ScanOptions { keep: Keep::Errors, ..all.clone() };
    let kinds = Arc::new(Mutex::new(Kinds(Miner::default())));
    let whole = ScanOptions { observer: Some(Observer::new(kinds)), ..errors.clone() };
    [("every record", all), ("errors, templates, groups", whole), ("errors only", errors)]
}

fn measure(name: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    for (way, options) in ways() {
        if std::env::var("WAY").is_ok_and(|wanted| wanted != way) {
            continue;
        }
        let (mut worked, mut passed) = (Duration::MAX, Duration::MAX);
        let mut counted = Counted::default();
        for _ in 0..ROUNDS {
            let (start, begun) = (Instant::now(), user_time()?);
            let mut times = 0;
            while times == 0 || start.elapsed() < ROUND {
                counted = read(path, &options)?;
                times += 1;
            }
            passed = passed.min(start.elapsed() / times);
            worked = worked.min(user_time()?.saturating_sub(begun) / times);
        }
        let megabytes = u32::try_from(counted.bytes >> 10).map_or(f64::MAX, f64::from) / 1024.0;
        let rate = |time: Duration| megabytes / time.as_secs_f64();
        let (by_work, by_clock) = (rate(worked), rate(passed));
        let Counted { records, errors, groups, .. } = counted;
        println!(
            "{name:16} {way:26} {by_work:7.1} MiB/s of work, {by_clock:7.1} by the clock, {records} records, {errors} errors, {groups} groups"
        );
    }
    Ok(())
}

#[derive(Default)]
struct Counted {
    bytes: u64,
    records: u64,
    errors: u64,
    groups: usize,
}

fn read(path: &Path, options: &ScanOptions) -> Result<Counted, Box<dyn Error>> {
    let mut counted = Counted::default();
    let mut groups = BTreeSet::new();
    let mut cursor = None;
    loop {
        let scan = scan(path, cursor.as_ref(), options)?;
        counted.bytes += scan.bytes;
        counted.records += scan.traffic.iter().map(|tally| tally.records).sum::<u64>();
        counted.errors += scan.traffic.iter().map(|tally| tally.errors).sum::<u64>();
        if options.observer.is_some() {
            groups.extend(scan.records.iter().map(|record| fingerprint(record).key));
        }
        cursor = Some(scan.cursor);
        if scan.at_end {
            counted.groups = groups.len();
            return Ok(counted);
        }
    }
}

/// How long the processor has worked for this program.
fn user_time() -> Result<Duration, Box<dyn Error>> {
    let time = getrusage(UsageWho::RUSAGE_SELF)?.user_time();
    Ok(Duration::new(u64::try_from(time.tv_sec())?, u32::try_from(time.tv_usec() * 1000)?))
}
