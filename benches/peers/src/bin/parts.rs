use base64::Engine;
use base64::engine::{Simd, general_purpose::NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use peers::measure::{Contender, measure};
use peers::tokens::*;
use sha2::Sha256;
use std::hint::black_box;
fn main() {
    let e = Simd::url_safe(NO_PAD);
    let mac: Hmac<Sha256> = Hmac::new_from_slice(SECRET).unwrap();
    for size in sizes() {
        let t = size.token.as_str();
        let (signed, sig) = t.rsplit_once('.').unwrap();
        let (_, payload) = signed.split_once('.').unwrap();
        let json = e.decode(payload).unwrap();
        let jstr = String::from_utf8(json.clone()).unwrap();
        let mut tag = [0u8; 48];
        let n = e.decode_slice_unchecked(sig, &mut tag).unwrap();
        let aws = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET);
        let r = measure(vec![
            Contender::new("hmac", || { black_box(mac.clone().chain_update(black_box(signed)).verify_slice(&tag[..n]).is_ok()); }),
            Contender::new("aws hmac", || { black_box(aws_lc_rs::hmac::verify(&aws, black_box(signed.as_bytes()), &tag[..n]).is_ok()); }),
            Contender::new("b64 simd stack", || { let mut b = [0u8; 8192]; black_box(e.decode_slice_unchecked(black_box(payload), &mut b).ok()); }),
            Contender::new("b64 simd vec", || { let mut b = Vec::with_capacity(payload.len()); black_box(e.decode_vec(black_box(payload), &mut b).ok()); black_box(b); }),
            Contender::new("b64 gp", || { let mut b = Vec::with_capacity(payload.len()); black_box(base64::prelude::BASE64_URL_SAFE_NO_PAD.decode_vec(black_box(payload), &mut b).ok()); black_box(b); }),
            Contender::new("json slice", || { drop(black_box(serde_json::from_slice::<Shopper>(black_box(&json)).ok())); }),
            Contender::new("json str", || { drop(black_box(serde_json::from_str::<Shopper>(black_box(&jstr)).ok())); }),
            Contender::new("utf8", || { black_box(std::str::from_utf8(black_box(&json)).is_ok()); }),
        ], 31);
        println!("{} json {}", size.name, json.len());
        for n in &r.names { println!("  {n}: {:.0}", r.median(n)); }
    }
}
