//! Repeats one request, for a profiler: `cargo run --release --bin spin --
//! accepted|refused|plain|turned-away [times] [size]`.

use http::HeaderValue;
use suite::routes;
use suite::tokens::{forged, sizes};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let what = arguments.first().map_or("accepted", String::as_str);
    let times: u64 = arguments.get(1).map_or(1_000_000, |text| text.parse().expect("a number"));
    let name = arguments.get(2).map_or("typical", String::as_str);
    let size = sizes().into_iter().find(|size| size.name == name).expect("a size");
    let good = HeaderValue::try_from(format!("Bearer {}", size.token)).expect("a header");
    let forged =
        HeaderValue::try_from(format!("Bearer {}", forged(&size.token))).expect("a header");
    let (mut router, value, status) = match what {
        "accepted" => (routes::tower_jwt_auth(size.parties), good.clone(), 200),
        "refused" => (routes::tower_jwt_auth(size.parties), forged, 401),
        "plain" => (routes::no_op(), good.clone(), 200),
        "turned-away" => (routes::turned_away(), forged, 401),
        other => panic!("{other:?} is not accepted, refused, plain or turned-away"),
    };
    if what == "refused" {
        // Fill the header cache, as the first valid token does on a real server.
        drop(routes::ask(&mut router, &routes::request(&good), 200));
    }
    let request = routes::request(&value);
    for _ in 0..times {
        drop(routes::ask(&mut router, &request, status));
    }
}
