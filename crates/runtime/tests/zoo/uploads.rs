//! Modules that are enormous in one way or another.

use std::{fmt::Write as _, sync::Arc};

use claimsmith_runtime::{CheckError, EngineConfig};

use crate::cage::{Cage, share, wat, wat_text, zoo};

/// A module with a custom section at its end that makes it `bytes` long.
fn padded(module: &[u8], bytes: usize) -> Arc<[u8]> {
    // An id, a length of five bytes in LEB128, a name of no bytes.
    const HEADER_BYTES: usize = 1 + 5 + 1;
    let content = bytes - module.len() - HEADER_BYTES;
    let mut padded = Vec::with_capacity(bytes);
    padded.extend_from_slice(module);
    padded.push(0);
    padded.extend(leb128(content + 1));
    padded.push(0);
    padded.resize(bytes, 0);
    Arc::from(padded)
}

/// The text of a component, open for more items.
fn without_its_end(text: &str) -> String {
    text.trim_end().strip_suffix(')').unwrap().to_owned()
}

#[tokio::test]
async fn a_module_of_the_greatest_size_is_taken_and_one_of_fifty_megabytes_is_not() {
    let cage = Cage::new();
    let most = EngineConfig::default().module_bytes_max;

    for module in [zoo(), wat("hoarder")] {
        let action = cage.admit(&padded(&module, most)).await;
        assert_eq!(action.info().size_bytes, most as u64);

        for bytes in [most + 1, 50_000_000] {
            let problem = cage.refusal(&padded(&module, bytes)).await;
            assert_eq!(problem.code, "too_large");
            assert!(problem.message.contains(&bytes.to_string()), "{problem:?}");
        }
    }
}

/// A component that imports so many functions, written as bytes: the text of so many takes
/// minutes to read.
fn with_imports(count: usize) -> Arc<[u8]> {
    let section = |id: u8, content: &[u8]| {
        let mut bytes = vec![id];
        bytes.extend(leb128(content.len()));
        bytes.extend_from_slice(content);
        bytes
    };
    // One type, `func()`, without parameters and result.
    let types = section(7, &[1, 0x40, 0, 1, 0]);
    let mut imports = leb128(count).to_vec();
    for index in 0..count {
        let name = format!("import{index}");
        imports.extend([0, u8::try_from(name.len()).unwrap()]);
        imports.extend_from_slice(name.as_bytes());
        imports.extend([1, 0]);
    }
    let imports = section(10, &imports);
    Arc::from([b"\0asm\x0d\0\x01\0".to_vec(), types, imports].concat())
}

/// A number of up to 35 bits in five bytes of LEB128.
fn leb128(number: usize) -> [u8; 5] {
    [0, 1, 2, 3, 4].map(|group| {
        let more = if group < 4 { 0x80 } else { 0 };
        u8::try_from((number >> (7 * group)) & 0x7f).unwrap() | more
    })
}

#[tokio::test]
async fn so_many_imports_are_told_by_name_and_enormously_many_by_their_number() {
    let cage = Cage::new();

    let refused = cage.engine.check(&share(), with_imports(500)).await;
    let Err(CheckError::Problems(problems)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(problems.len(), 51, "fifty names and the missing trigger");
    assert!(problems[0].message.contains("`import0`"), "{problems:?}");

    for count in [501, 100_000] {
        let problem = cage.refusal(&with_imports(count)).await;
        assert_eq!(problem.code, "import_not_offered");
        assert!(problem.message.contains(&count.to_string()), "{problem:?}");
    }
}

#[tokio::test]
async fn exports_beside_the_handlers_are_taken_up_to_five_hundred_in_all() {
    let with_exports = |count: usize| {
        let mut text = without_its_end(&wat_text("start-loop"));
        for index in 0..count - 2 {
            let _ = write!(text, "(export \"export{index}\" (func $handler))");
        }
        text.push(')');
        Arc::<[u8]>::from(wat::parse_str(text).unwrap())
    };
    let cage = Cage::new();

    cage.succeed(&with_exports(500), "").await;

    for count in [501, 100_000] {
        let problem = cage.refusal(&with_exports(count)).await;
        assert_eq!(problem.code, "unsupported");
        assert!(problem.message.contains(&count.to_string()), "{problem:?}");
    }
}
