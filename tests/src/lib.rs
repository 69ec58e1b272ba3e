//! claimsmith-tests
