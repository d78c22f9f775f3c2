//! Checks that a store writes, replaces, lists and deletes its rows correctly.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock, UnixTime};
use crate::failure::{Failure, Finding, ensure, rule};
use crate::issuer::conformance::scene::{AT_ONCE, Scene, at_once, next, subject};
use crate::issuer::sessions::store::{RefreshStore, StoredSession};

const MINUTE: u64 = 60;

pub(crate) async fn check<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Failure> {
    rule("a row is read back as it was written", Box::pin(read_back(scene))).await?;
    rule("only the next version replaces a row", Box::pin(versions(scene))).await?;
    rule("a second row of the same key is an error", Box::pin(duplicates(scene))).await?;
    rule("subjects are kept apart", Box::pin(subjects(scene))).await?;
    rule("an ended session leaves the list of its user", Box::pin(ended(scene))).await?;
    rule("of those that replace one version at once, one succeeds", Box::pin(one_winner(scene)))
        .await?;
    rule("rows are kept until their time, and no longer", Box::pin(pruning(scene))).await
}

async fn read_back<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let large = format!("{{\"data\":\"{}\"}}", "0123456789ab".repeat(1024));
    for state in ["{}", "{\"a\":\"é 🦀 \\u0000 \\n ' \\\" ; -- %s {} $1\"}", " \n{ } ", &large] {
        let mut row = scene.row(&subject()?, MINUTE)?;
        row.state = state.to_owned();
        scene.store.insert(&row).await?;
        is_stored(scene, &row).await?;
        for _ in 0..3 {
            row = next(&row, format!("[{}]", row.state));
            row.delete_after = row.delete_after.saturating_add(Duration::from_secs(1));
            ensure(scene.store.replace(&row).await?, "the next version did not replace it")?;
            is_stored(scene, &row).await?;
        }
    }
    let mut row = scene.row(&subject()?, MINUTE)?;
    row.delete_after = row.delete_after.saturating_add(Duration::from_secs(100 * 31_557_600));
    scene.store.insert(&row).await?;
    is_stored(scene, &row).await?;
    let unknown = scene.row("", MINUTE)?.id;
    ensure(scene.store.load(&unknown).await?.is_none(), "there is a row that nobody inserted")
}

async fn versions<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let first = scene.row(&subject()?, MINUTE)?;
    let second = next(&first, "2");
    ensure(!scene.store.replace(&second).await?, "a row that is missing was replaced")?;
    ensure(scene.store.load(&first.id).await?.is_none(), "replacing made a row")?;

    scene.store.insert(&first).await?;
    let third = next(&second, "3");
    for wrong in [&first, &third, &next(&third, "4")] {
        ensure(!scene.store.replace(wrong).await?, "another version replaced the row")?;
        is_stored(scene, &first).await?;
    }
    ensure(scene.store.replace(&second).await?, "the next version did not replace the row")?;
    ensure(!scene.store.replace(&second).await?, "a version replaced itself")?;
    is_stored(scene, &second).await
}

async fn duplicates<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let row = scene.row(&subject()?, MINUTE)?;
    scene.store.insert(&row).await?;
    let other = StoredSession { subject: subject()?, state: "other".to_owned(), ..row.clone() };
    for again in [&row, &other] {
        ensure(scene.store.insert(again).await.is_err(), "it was inserted twice")?;
        is_stored(scene, &row).await?;
    }
    let strays = scene.store.of_subject(&other.subject).await?;
    ensure(strays.is_empty(), "a row that was refused is listed")
}

async fn subjects<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let long: String =
        (0..1000_u32).filter_map(|n| char::from_u32(n.wrapping_add(0x4e00))).collect();
    let plain = [
        "",
        " ",
        "alice",
        "Alice",
        "ALICE",
        "alice ",
        " alice",
        "al",
        "a%",
        "%",
        "_lice",
        "a*",
        "*",
        "a?",
        "[a]lice",
        "é",
        "e\u{301}",
        "🦀",
        "ﷺ",
        "'",
        "\"",
        "' OR '1'='1",
        "\\",
        "{a}b",
        "a:b",
        "a\nb",
        "a\r\nb",
        "a\tb",
        "\u{7f}",
        "\u{feff}alice",
        "null",
        "0",
        "1e3",
        "auth0|5f7c",
        &long,
    ];
    let longer = format!("{long}!");
    let all: Vec<&str> = plain.into_iter().chain([longer.as_str()]).collect();
    let mut rows = Vec::new();
    for subject in &all {
        for _ in 0..2 {
            let row = scene.row(subject, MINUTE)?;
            scene.store.insert(&row).await?;
            is_stored(scene, &row).await?;
            rows.push(row);
        }
    }
    for subject in all {
        let found = scene.store.of_subject(subject).await?;
        let foreign = found.iter().any(|row| row.subject != subject);
        ensure(!foreign, "a row of another subject is listed")?;
        let (own, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.subject == subject);
        ensure(own.iter().all(|row| found.contains(row)), "a row is not listed")?;
        ensure(!others.iter().any(|row| found.contains(row)), "subjects are mixed up")?;
    }
    ensure(scene.store.of_subject(&subject()?).await?.is_empty(), "a stranger has rows")
}

async fn ended<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let subject = subject()?;
    let mut live = scene.row(&subject, MINUTE)?;
    let mut over = scene.row(&subject, MINUTE)?;
    for row in [&live, &over] {
        scene.store.insert(row).await?;
    }
    over = StoredSession { ended: true, ..next(&over, "over") };
    ensure(scene.store.replace(&over).await?, "the next version did not replace it")?;
    for _ in 0..2 {
        is_stored(scene, &over).await?;
        let listed = scene.store.of_subject(&subject).await?;
        ensure(listed.as_slice() == [live.clone()], "other rows are listed than are live")?;
        // `Sessions` also replaces the rows of ended sessions, so the store must allow this.
        over = next(&over, "noted");
        ensure(scene.store.replace(&over).await?, "an ended row was not replaced")?;
        live = next(&live, "renewed");
        ensure(scene.store.replace(&live).await?, "a live row was not replaced")?;
    }
    let late = next(&StoredSession { version: 1, ended: false, ..over.clone() }, "late");
    ensure(!scene.store.replace(&late).await?, "an ended row was replaced by an older version")?;
    let listed = scene.store.of_subject(&subject).await?;
    ensure(listed.as_slice() == [live], "a renewal that came too late listed an ended session")
}

async fn one_winner<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    for _ in 0..scene.trials {
        let row = scene.row(&subject()?, MINUTE)?;
        scene.store.insert(&row).await?;
        let rivals: Vec<_> = (0..AT_ONCE).map(|rival| next(&row, rival.to_string())).collect();
        let results = at_once(rivals.iter().cloned().map(|rival| {
            let store = Arc::clone(&scene.store);
            async move { store.replace(&rival).await }
        }));
        let mut winners = Vec::new();
        for (rival, result) in rivals.iter().zip(results.await?) {
            if result? {
                winners.push(rival);
            }
        }
        let [winner] = winners.as_slice() else {
            return Err(Finding::new(format!("{} succeeded", winners.len())));
        };
        is_stored(scene, winner).await?;
    }
    Ok(())
}

async fn pruning<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let subject = subject()?;
    let lasting = scene.row(&subject, MINUTE)?;
    scene.store.insert(&lasting).await?;
    let renewed = renewed(scene, &subject, lasting.delete_after).await?;
    let outdated = [(); 3].map(|()| scene.row(&subject, 2));
    let [outdated, second, third] = outdated;
    let (outdated, second, third) = (outdated?, second?, third?);
    for row in [&outdated, &second, &third] {
        scene.store.insert(row).await?;
    }

    // Wait one more second, since the server's clock may be slightly behind.
    let end = outdated.delete_after.saturating_add(Duration::from_secs(1));
    tokio::time::sleep(end.saturating_since(SystemClock.now())).await;
    for _ in 0..3 {
        let pruned = scene.store.prune(outdated.delete_after, 1).await?;
        ensure(pruned <= 1, "more rows were deleted than were asked for")?;
    }
    scene.store.prune(outdated.delete_after, 1_000).await?;
    for row in [&outdated, &second, &third] {
        ensure(scene.store.load(&row.id).await?.is_none(), "a row outlived its time")?;
    }
    is_stored(scene, &lasting).await?;
    is_stored(scene, &renewed).await?;
    let mut listed = scene.store.of_subject(&subject).await?;
    let mut expected = vec![lasting, renewed];
    listed.sort_by(|a, b| a.id.cmp(&b.id));
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    ensure(listed == expected, "other rows are listed than are stored")
}

/// Inserts a row that soon expires, and replaces it with a row that expires at `end`.
async fn renewed<S: RefreshStore>(
    scene: &Scene<S>,
    subject: &str,
    end: UnixTime,
) -> Result<StoredSession, Finding> {
    let mut secs = 2_u64;
    loop {
        let row = scene.row(subject, secs)?;
        scene.store.insert(&row).await?;
        let renewed = StoredSession { delete_after: end, ..next(&row, "2") };
        if scene.store.replace(&renewed).await? {
            return Ok(renewed);
        }
        let is_late = SystemClock.now() >= row.delete_after;
        ensure(is_late, "the next version did not replace it")?;
        // The machine stalled until the row had expired. Try again with more time.
        secs = secs.saturating_mul(4);
    }
}

async fn is_stored<S: RefreshStore>(scene: &Scene<S>, row: &StoredSession) -> Result<(), Finding> {
    let stored = scene.store.load(&row.id).await?;
    ensure(stored.as_ref() == Some(row), "what is stored is not what was written")
}
