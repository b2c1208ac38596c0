//! The integration tests, as one binary: real redis-server processes, no mocks.

mod broken_catalog;
mod bad_input;
mod demo;
mod crash;
mod harness;
mod live;
mod local;
mod mixed_run;
mod sample_data;
mod tidy;
