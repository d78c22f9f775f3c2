//! Instruction and allocation counts of each contender, measured with `callgrind`.
//!
//! Callgrind emulates a processor without SHA instructions, so SHA-256 would dominate the counts.
//! The instructions of SHA-256 functions are therefore not counted.

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

use suite::contenders::Contender;
use suite::measure::Run;
use suite::tokens::TokenKind;

/// The command-line argument with which this program starts itself under callgrind. The new process
/// runs the operations to be measured.
pub const UNDER_CALLGRIND: &str = "--under-callgrind";

/// The name of [`counted_operations`] in a profile.
const COUNTED: &str = concat!(module_path!(), "::counted_operations");

const OPERATIONS: u32 = 100;

/// The number of instructions and the number of allocations of one operation.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub instructions: f64,
    pub allocations: f64,
}

/// Counts the instructions and the allocations of each contender for each token kind. Returns
/// `None` if valgrind is not installed.
pub fn count(
    contenders: &[(&'static str, Vec<Contender>)],
    folder: &Path,
) -> Option<HashMap<(&'static str, Contender), Counts>> {
    std::fs::create_dir_all(folder).expect("a folder for the profiles");
    let valgrind = Command::new("valgrind")
        .args(["-q", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--dump-after={COUNTED}"))
        .arg(format!("--callgrind-out-file={}/profile", folder.display()))
        .arg(std::env::current_exe().expect("this program"))
        .arg(UNDER_CALLGRIND)
        .stdout(Stdio::null())
        .status()
        .ok()?;
    assert!(valgrind.success(), "callgrind failed");
    let all = contenders.iter().flat_map(|(kind, all)| all.iter().map(move |one| (*kind, *one)));
    let mut index = String::new();
    let counts = (1..).zip(all).map(|(number, key)| {
        let name = format!("profile.{number}");
        index.push_str(&format!("{name} {} {:?}\n", key.0, key.1));
        let profile = std::fs::read_to_string(folder.join(name)).expect("a profile");
        (key, read(&profile))
    });
    let counts = counts.collect();
    std::fs::write(folder.join("index"), index).expect("an index");
    Some(counts)
}

/// Runs every contender's operation under callgrind.
pub fn perform(contenders: &[Contender], kind: &TokenKind) {
    for contender in contenders {
        let mut run = contender.run(kind);
        run(3);
        counted_operations(&mut run);
    }
}

/// Callgrind counts only while this function runs, and writes a profile when the function returns.
/// The last line prevents a tail call, which would end the function too early.
#[inline(never)]
fn counted_operations(run: &mut Run) {
    let operations = black_box(OPERATIONS);
    run(operations);
    black_box(&operations);
}

/// Adds up the costs in a profile. The profile lists the lines and the calls of each function. The
/// line after a call contains the total cost of the called function. That line is skipped, since
/// the profile also lists each line of the called function.
fn read(profile: &str) -> Counts {
    let (mut instructions, mut allocations) = (0.0, 0.0);
    let (mut function, mut called) = ("", "");
    let mut after_call = false;
    for line in profile.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = name;
        } else if let Some(name) = line.strip_prefix("cfn=") {
            called = name;
        } else if let Some(calls) = line.strip_prefix("calls=") {
            if ["malloc", "calloc", "realloc", "posix_memalign"].contains(&called) {
                allocations += number(calls.split(' ').next());
            }
            after_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            if !after_call && !is_sha256(function) {
                instructions += number(line.split(' ').nth(1));
            }
            after_call = false;
        }
    }
    let each = f64::from(OPERATIONS);
    Counts { instructions: instructions / each, allocations: allocations / each }
}

fn number(text: Option<&str>) -> f64 {
    text.and_then(|text| text.parse().ok()).expect("a number in a profile")
}

fn is_sha256(function: &str) -> bool {
    ["sha256", "sha2::"].iter().any(|name| function.contains(name))
}
