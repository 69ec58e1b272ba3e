//! From an upload's bytes to code that runs: in this process, or in a child that may
//! die of it.
//!
//! | file | idea |
//! |---|---|
//! | `settings` | what code depends on, and whether two engines agree on it |
//! | `product` | the steps from an upload to code, wherever they are taken |
//! | `machine_code` | the one place that hands bytes to the processor |
//! | `child` | the parent's side: start, feed, bound, and tell how the child ended |
//! | `worker` | the child's side |
//! | `confine` | what the child takes from itself before it reads a byte |
//! | `descriptors` | closing what it was given unasked |
//! | `frame` | a header and code as bytes, in a pipe or a file |
//! | `folder` | code on disk |

pub(crate) mod child;
mod confine;
mod descriptors;
pub(crate) mod folder;
mod frame;
mod machine_code;
pub(crate) mod product;
pub(crate) mod settings;
pub(crate) mod worker;

pub use child::WorkerProgram;
pub use folder::CodeFolder;
pub use worker::{WorkerError, run_compile_worker};
