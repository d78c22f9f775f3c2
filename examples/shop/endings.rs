//! The reasons why sessions ended, which the page shows to a user who was logged out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;
use tower_jwt_auth::issuer::{EndCause, SessionEvent};

use crate::devices::{self, Devices};

/// The maximum number of ended sessions that are remembered. If another session ends, the session
/// that ended first is forgotten, and the page can no longer show why that session ended.
const REMEMBERED: usize = 1000;

/// The most recently ended sessions and the reasons why they ended. A restart loses them, since
/// they are only in memory.
#[derive(Default)]
pub(crate) struct Endings {
    causes: Mutex<VecDeque<(String, EndCause)>>,
}

impl Endings {
    /// Records the cause if `event` is the end of a session. Pass every session event to this
    /// method.
    pub(crate) fn record(&self, event: &SessionEvent<'_>) {
        let SessionEvent::Ended(session, cause) = event else { return };
        let id = session.id().as_str();
        // If a used token is presented again, the end of its session may be reported again.
        if self.of(id).is_some() {
            return;
        }
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        if causes.len() >= REMEMBERED {
            causes.pop_front();
        }
        causes.push_back((id.to_owned(), *cause));
    }

    fn of(&self, session: &str) -> Option<EndCause> {
        let causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        causes.iter().find(|(id, _)| id == session).map(|(_, cause)| *cause)
    }
}

/// Responds to `GET /device`. The response shows whether this browser has logged in before, and
/// contains the reason why its last session ended.
///
/// `/auth/refresh` does not reveal why a session ended, since its caller may be a thief with an old
/// refresh token. This route reveals the reason only to the browser that logged in.
pub(crate) fn routes(devices: Arc<Devices>, endings: Arc<Endings>) -> Router {
    Router::new().route("/device", get(device)).with_state((devices, endings))
}

async fn device(
    State((devices, endings)): State<(Arc<Devices>, Arc<Endings>)>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let ended = devices.last_session(&headers).and_then(|session| endings.of(&session));
    let body = json!({ "is_known": devices::is_known(&headers), "ended": ended });
    ([(CACHE_CONTROL, "no-store")], Json(body))
}
