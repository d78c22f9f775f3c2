//! Prints the table of `docs/explanation/performance.md`, which contains ratios of times and counts
//! of instructions.
//!
//! `cargo run --release --bin ratios [-- --quick]`

mod instructions;
mod rows;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use suite::contenders::Contender;
use suite::key_pairs::key_pair;
use suite::measure::{Quartiles, measure, median};
use suite::tokens::{TokenKind, token_kinds};

use crate::instructions::{Counts, UNDER_CALLGRIND};
use crate::rows::{Cost, allocations, rows};

/// Each run is a separate process, since the addresses of code and data affect the times.
const ONE_RUN: &str = "--one-run";
const RUNS: usize = 3;
const ROUNDS: usize = 1000;

fn main() {
    let argument = std::env::args().nth(1);
    match argument.as_deref() {
        None => print_table(RUNS, ROUNDS, count_instructions()),
        // A quick run only shows that the benchmark works. Its figures are meaningless.
        Some("--quick") => print_table(1, 15, None),
        Some(ONE_RUN) => {
            let rounds = std::env::args().nth(2).and_then(|text| text.parse().ok());
            one_run(rounds.expect("a number of rounds"));
        }
        Some(UNDER_CALLGRIND) => {
            for kind in token_kinds() {
                instructions::perform(&contenders(kind.name), &kind);
            }
        }
        Some(other) => panic!("{other:?} is not --quick"),
    }
}

/// The measurements for one row of the table, from one run.
#[derive(Clone, Copy)]
struct Measured {
    ratio: Quartiles,
    ours_nanos: f64,
    other_nanos: f64,
    /// The cost of `Row::floor`, divided by the cost of `Row::other`. NaN if the row has no
    /// `floor`.
    floor: f64,
}

/// Measures the rows for all kinds of tokens, and prints one line per row.
fn one_run(rounds: usize) {
    for kind in token_kinds() {
        for Measured { ratio, ours_nanos, other_nanos, floor } in measured(&kind, rounds) {
            let Quartiles { lower, median, upper } = ratio;
            println!("{lower} {median} {upper} {ours_nanos} {other_nanos} {floor}");
        }
    }
}

fn measured(kind: &TokenKind, rounds: usize) -> Vec<Measured> {
    let contenders = contenders(kind.name);
    contenders.iter().for_each(|contender| contender.check(kind));
    let runs = contenders.into_iter().map(|contender| (contender, contender.run(kind))).collect();
    let rounds = measure(runs, rounds);
    let row = |row: rows::Row| {
        let [ours, other] = [&row.ours, &row.other].map(|cost| rounds.sums(cost));
        let floor = row
            .floor
            .map_or(f64::NAN, |floor| Quartiles::of_ratios(&rounds.sums(&floor), &other).median);
        Measured {
            ratio: Quartiles::of_ratios(&ours, &other),
            floor,
            ours_nanos: median(ours),
            other_nanos: median(other),
        }
    };
    rows(kind.name).into_iter().map(row).collect()
}

/// Returns all contenders that must be measured for a kind of token, without duplicates.
fn contenders(kind: &str) -> Vec<Contender> {
    let mut contenders = Vec::new();
    let costs =
        rows(kind).into_iter().flat_map(|row| [row.ours, row.other, row.floor.unwrap_or_default()]);
    for (_, contender) in costs.chain([allocations(kind)]).flatten() {
        if !contenders.contains(&contender) {
            contenders.push(contender);
        }
    }
    contenders
}

type AllCounts = HashMap<(&'static str, Contender), Counts>;

fn count_instructions() -> Option<AllCounts> {
    let of_kinds = token_kinds().map(|kind| (kind.name, contenders(kind.name)));
    let counts = instructions::count(&of_kinds, &profiles());
    match &counts {
        Some(_) => println!("Profiles: {}\n", profiles().display()),
        None => println!("No instructions are counted, since valgrind is not installed.\n"),
    }
    counts
}

/// Returns the path of the folder `profiles`, which is next to this program.
fn profiles() -> PathBuf {
    std::env::current_exe().expect("this program").with_file_name("profiles")
}

fn print_table(runs: usize, rounds: usize, counts: Option<AllCounts>) {
    let runs: Vec<Vec<Measured>> = (0..runs).map(|_| run_once(rounds)).collect();
    let bytes = token_kinds().map(|kind| format!("{} {}", kind.name, kind.bytes));
    println!("Bytes of the tokens: {}.", bytes.join(", "));
    let mut at = 0;
    let (public_key, hs256): (Vec<_>, Vec<_>) =
        token_kinds().into_iter().partition(|kind| key_pair(kind.algorithm).is_some());
    for kinds in [hs256, public_key] {
        print_rows(&kinds, &runs, &mut at, counts.as_ref());
    }
    let Some(counts) = counts else { return };
    let allocations = token_kinds().map(|kind| {
        let sum = sum(&counts, kind.name, &allocations(kind.name), |counts| counts.allocations);
        format!("{sum:.0}")
    });
    println!(
        "\nAllocations per accepted request, without those of the route, the claims and a public key: {}.",
        allocations.join(", ")
    );
}

/// Prints one table. `at` is the index of the table's first row in each element of `runs`. This
/// function advances `at` to the first row of the next table.
fn print_rows(
    kinds: &[TokenKind],
    runs: &[Vec<Measured>],
    at: &mut usize,
    counts: Option<&AllCounts>,
) {
    println!(
        "\n| ratio | token | goal | today, each run | quartiles | floor | ns | instructions |\n\
         |---|---|---|---|---|---|---|---|"
    );
    let mut lines: Vec<(&str, String)> = Vec::new();
    for kind in kinds {
        for row in rows(kind.name) {
            let each: Vec<Measured> = runs.iter().map(|run| run[*at]).collect();
            *at += 1;
            let of = |value: fn(&Measured) -> f64| each.iter().map(value).collect::<Vec<_>>();
            let today: Vec<String> =
                each.iter().map(|one| format!("{:.2}", one.ratio.median)).collect();
            let lower = of(|one| one.ratio.lower).into_iter().fold(f64::INFINITY, f64::min);
            let upper = of(|one| one.ratio.upper).into_iter().fold(0.0, f64::max);
            let instructions = counts.map(|counts| {
                let sum = |cost: &Cost| sum(counts, kind.name, cost, |counts| counts.instructions);
                let (ours, other) = (sum(&row.ours), sum(&row.other));
                format!("{ours:.0} / {other:.0} = {:.2}", ours / other)
            });
            let line = format!(
                "| {} | {} | {} | {} | {lower:.2} to {upper:.2} | {} | {:.0} / {:.0} | {} |",
                row.what,
                kind.name,
                row.goal.map_or("".to_owned(), |goal| format!("{goal:.2}")),
                today.join(", "),
                match median(of(|one| one.floor)) {
                    floor if floor.is_nan() => "".to_owned(),
                    floor => format!("{floor:.2}"),
                },
                median(of(|one| one.ours_nanos)),
                median(of(|one| one.other_nanos)),
                instructions.unwrap_or_default(),
            );
            // Keep the lines about one ratio together.
            let last = lines.iter().rposition(|(what, _)| *what == row.what);
            lines.insert(last.map_or(lines.len(), |last| last + 1), (row.what, line));
        }
    }
    lines.iter().for_each(|(_, line)| println!("{line}"));
}

/// Starts a run in a separate process and returns its measurements.
fn run_once(rounds: usize) -> Vec<Measured> {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program)
        .args([ONE_RUN, &rounds.to_string()])
        .stderr(std::process::Stdio::inherit())
        .output()
        .expect("this program starts");
    assert!(output.status.success(), "a run failed");
    let text = String::from_utf8(output.stdout).expect("text");
    let row = |line: &str| {
        let numbers: Vec<f64> =
            line.split(' ').map(|number| number.parse().expect("a number")).collect();
        let [lower, median, upper, ours_nanos, other_nanos, floor] = numbers[..] else {
            panic!("{line:?} is not a row");
        };
        let ratio = Quartiles { lower, median, upper };
        Measured { ratio, ours_nanos, other_nanos, floor }
    };
    text.lines().map(row).collect()
}

fn sum(counts: &AllCounts, kind: &'static str, cost: &Cost, count: impl Fn(&Counts) -> f64) -> f64 {
    cost.iter().map(|(factor, contender)| factor * count(&counts[&(kind, *contender)])).sum()
}
