//! Tests that the conformance suite accepts a correct store and finds each defect of a faulty one.
//! The environment variable `STORE_TRIALS` sets how often each race is run.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]

use std::sync::Mutex;
use std::time::Duration;

use tower_jwt_auth::UnixTime;
use tower_jwt_auth::issuer::conformance::Conformance;
use tower_jwt_auth::issuer::{MemoryStore, RefreshStore, SessionId, StoreError, StoredSession};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_store_in_memory_conforms() {
    let trials = std::env::var("STORE_TRIALS").map_or(50, |trials| trials.parse().unwrap());
    Conformance::new(MemoryStore::new()).trials(trials).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_defect_is_found() {
    let every = [
        (Defect::ForgetsVersions, "only the next version replaces a row"),
        (Defect::TwoSteps, "of those that replace one version at once, one succeeds"),
        (Defect::Overwrites, "a second row of the same key is an error"),
        (Defect::FoldsCase, "subjects are kept apart"),
        (Defect::ForgetsEnds, "an ended session leaves the list of its user"),
        (Defect::ListsEnded, "an ended session leaves the list of its user"),
        (Defect::ListsEndedLater, "a user's ended sessions cost nothing"),
        (Defect::TrimsState, "a row is read back as it was written"),
        (Defect::CutsState, "a row is read back as it was written"),
        (Defect::PrunesAll, "rows are kept until their time, and no longer"),
        (Defect::NeverPrunes, "rows are kept until their time, and no longer"),
        (Defect::PrunesWithoutLimit, "rows are kept until their time, and no longer"),
        (Defect::LosesWrites, "a row is read back as it was written"),
    ];
    for (defect, rule) in every {
        let (subjects, ended) = (Mutex::default(), Mutex::default());
        let store = Faulty { store: MemoryStore::new(), defect, subjects, ended };
        let failure = Conformance::new(store).trials(5).check().await.unwrap_err();
        assert_eq!(failure.rule(), rule, "{defect:?}: {failure}");
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    ForgetsVersions,
    TwoSteps,
    Overwrites,
    FoldsCase,
    ForgetsEnds,
    ListsEnded,
    ListsEndedLater,
    TrimsState,
    CutsState,
    PrunesAll,
    NeverPrunes,
    PrunesWithoutLimit,
    LosesWrites,
}

struct Faulty {
    store: MemoryStore,
    defect: Defect,
    subjects: Mutex<Vec<String>>,
    ended: Mutex<Vec<StoredSession>>,
}

impl RefreshStore for Faulty {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        self.subjects.lock().unwrap().push(session.subject.clone());
        let mut session = session.clone();
        match self.defect {
            Defect::CutsState => session.state.truncate(8192),
            Defect::TrimsState => session.state = session.state.trim().to_owned(),
            Defect::Overwrites => {
                let _ = self.store.insert(&session).await;
                return Ok(());
            }
            _ => {}
        }
        self.store.insert(&session).await
    }

    async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.store.load(id).await
    }

    async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
        match self.defect {
            Defect::LosesWrites => Ok(true),
            Defect::ForgetsVersions => {
                let Some(row) = self.store.load(&session.id).await? else { return Ok(false) };
                let mut session = session.clone();
                session.version = row.version + 1;
                self.store.replace(&session).await
            }
            // This store first checks the version, and then writes in a separate step. Another
            // caller can write between these two steps.
            Defect::TwoSteps => {
                let Some(row) = self.store.load(&session.id).await? else { return Ok(false) };
                if row.version + 1 != session.version {
                    return Ok(false);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
                let _ = self.store.replace(session).await?;
                Ok(true)
            }
            Defect::ForgetsEnds => {
                let mut session = session.clone();
                session.ended = false;
                self.store.replace(&session).await
            }
            Defect::ListsEnded | Defect::ListsEndedLater if session.ended => {
                self.ended.lock().unwrap().push(session.clone());
                self.store.replace(session).await
            }
            _ => self.store.replace(session).await,
        }
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
        if self.defect != Defect::FoldsCase {
            let mut found = self.store.of_subject(subject).await?;
            let ended = self.ended.lock().unwrap();
            let ended = ended.iter().filter(|row| row.subject == subject).cloned();
            let hidden = if self.defect == Defect::ListsEndedLater { 50 } else { 0 };
            found.extend(ended.skip(hidden));
            return Ok(found);
        }
        let subjects = self.subjects.lock().unwrap().clone();
        let mut found = Vec::new();
        for other in subjects.iter().filter(|other| other.eq_ignore_ascii_case(subject)) {
            found.extend(self.store.of_subject(other).await?);
        }
        Ok(found)
    }

    async fn prune(&self, now: UnixTime, at_most: usize) -> Result<u64, StoreError> {
        match self.defect {
            Defect::PrunesAll => {
                self.store.prune(now.saturating_add(Duration::from_secs(600)), at_most).await
            }
            Defect::NeverPrunes => Ok(0),
            Defect::PrunesWithoutLimit => self.store.prune(now, usize::MAX).await,
            _ => self.store.prune(now, at_most).await,
        }
    }
}
