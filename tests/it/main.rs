//! The integration tests, as one binary: real redis-server processes, no mocks.

mod broken_catalog;
mod harness;
mod local;
mod sample_data;
mod tidy;
