//! Tests of two auth servers in separate processes that share one database. Both receive the same
//! tokens at the same time. In some rounds, one of them is killed before it has answered all
//! requests.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tower_jwt_auth::issuer::NewSession;
use tower_jwt_auth::{Clock, SystemClock, UnixTime};

use crate::child::AuthServer;
use crate::servers::{Folder, Server};
use crate::store::{Store, sessions_at};

const CLIENTS: usize = 20;
/// The number of tabs per client. Each tab sends the client's token to both servers at the same
/// time.
const TABS: usize = 3;

fn rounds() -> usize {
    std::env::var("STORE_ROUNDS").map_or(12, |rounds| rounds.parse().unwrap())
}

/// The lines that the server prints. `None` follows the last line.
type Answers = Receiver<Option<String>>;

fn auth_server(url: &str, now: UnixTime) -> (AuthServer, Answers) {
    let mut server = AuthServer::start(url, now);
    let (sender, answers) = channel();
    let output = server.take_output();
    thread::spawn(move || {
        for line in output {
            let _ = sender.send(Some(line));
        }
        let _ = sender.send(None);
    });
    (server, answers)
}

/// Reads one line for each token that was sent to a server, and returns the number of lines.
/// Returns early if the server was killed.
fn collect(answers: &Answers, sent: usize, successors: &mut HashMap<String, String>) -> usize {
    for answered in 0..sent {
        let answer = answers.recv_timeout(Duration::from_secs(300)).expect("an answer");
        let Some(answer) = answer else { return answered };
        let [token, outcome, next] =
            answer.split(' ').collect::<Vec<_>>().try_into().expect("three words");
        assert_eq!(outcome, "ok", "a user was logged out, or the store failed");
        let known = successors.entry(token.to_owned()).or_insert_with(|| next.to_owned());
        assert_eq!(known, next, "one token led to two");
    }
    sent
}

async fn two_servers(url: &str) {
    // All clocks stand still and show the same time. The grace period therefore does not end if a
    // server is slow.
    let now = SystemClock.now().whole_secs();
    let sessions = sessions_at(Store::connect(url).await.unwrap(), now);
    let mut held = Vec::new();
    for client in 0..CLIENTS {
        let new = NewSession::new(format!("user {client}"));
        held.push(sessions.start(new).await.unwrap().0.as_str().to_owned());
    }
    let (mut steady, steady_answers) = auth_server(url, now);
    let (mut mortal, mut mortal_answers) = auth_server(url, now);
    let (mut refreshes, mut lost, mut kills) = (0, 0, 0);
    for round in 0..rounds() {
        let mut successors = HashMap::new();
        let mut sent_to_mortal = 0;
        for token in &held {
            for _ in 0..TABS {
                steady.send(token).unwrap();
                sent_to_mortal += usize::from(mortal.send(token).is_ok());
            }
        }
        let is_killed = round % 3 == 1;
        let mut answered = 0;
        if is_killed {
            // The server is killed in the middle of its work, at a different point each time.
            answered = collect(&mortal_answers, round * 7 % sent_to_mortal, &mut successors);
            mortal.kill();
            kills += 1;
        }
        refreshes += collect(&steady_answers, CLIENTS * TABS, &mut successors);
        answered += collect(&mortal_answers, sent_to_mortal - answered, &mut successors);
        refreshes += answered;
        lost += sent_to_mortal - answered;
        for token in &mut held {
            *token = successors[token].clone();
        }
        if is_killed {
            (mortal, mortal_answers) = auth_server(url, now);
        }
    }
    // Everybody is still logged in, and each client's token can still be exchanged.
    for (client, token) in held.iter().enumerate() {
        let (leaf, session) = sessions.refresh(token, None).await.unwrap();
        let (same, _) = sessions.refresh(token, None).await.unwrap();
        assert_eq!(leaf.as_str(), same.as_str());
        let listed = sessions.of_subject(&format!("user {client}")).await.unwrap();
        assert_eq!(listed.iter().map(|one| one.id()).collect::<Vec<_>>(), [session.id()]);
    }
    println!("{refreshes} uses answered, {lost} lost in {kills} kills, no user logged out");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_sqlite() {
    let folder = Folder::new();
    two_servers(&format!("sqlite:{}/sessions.db", folder.0.display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_postgres() {
    two_servers(&Server::postgres().url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_redis() {
    two_servers(&Server::redis().url).await;
}
