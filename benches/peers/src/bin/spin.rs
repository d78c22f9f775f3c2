use peers::{contenders::ours, tokens::sizes};
fn main() {
    let which = std::env::args().nth(1).unwrap_or("typical".into());
    let n: u64 = std::env::args().nth(2).and_then(|n| n.parse().ok()).unwrap_or(3_000_000);
    let size = sizes().into_iter().find(|s| s.name == which).unwrap();
    let auth = ours(size.parties);
    let t = std::time::Instant::now();
    for _ in 0..n { drop(std::hint::black_box(auth.verify(std::hint::black_box(&size.token)))); }
    println!("{:.0}", t.elapsed().as_nanos() as f64 / n as f64);
}
