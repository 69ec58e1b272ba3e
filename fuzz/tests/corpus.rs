//! The corpora of the fuzz targets, each file as it is and with its bytes changed: the same
//! changes every time.

use std::{fs, path::PathBuf};

type Target = fn(&[u8]);

#[test]
fn what_must_hold_holds_for_the_corpora_whole_cut_off_and_with_a_bit_changed() {
    let targets: [(&str, Target); 4] = [
        (
            "authorization_request",
            claimsmith_fuzz::authorization_request,
        ),
        ("claim_policy", claimsmith_fuzz::claim_policy),
        ("token_request", claimsmith_fuzz::token_request),
        ("upload", claimsmith_fuzz::upload),
    ];
    for (name, target) in targets {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(name);
        for file in fs::read_dir(folder).unwrap() {
            let whole = fs::read(file.unwrap().path()).unwrap();
            target(&whole);
            for place in 0..whole.len() {
                let mut changed = whole.clone();
                changed[place] ^= 1 << (place % 8);
                target(&changed);
                target(&whole[..place]);
            }
        }
    }
}
