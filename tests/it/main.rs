//! The integration tests, as one binary: real redis-server processes, no mocks.

mod bad_input;
mod broken_catalog;
mod cluster;
mod console_editing;
mod connections;
mod console_loop;
mod console_pty;
mod console_screens;
mod console_stage;
mod console_update;
mod crash;
mod demo;
mod external;
mod harness;
mod live;
mod locks;
mod local;
mod mixed_run;
mod readme;
mod sample_data;
mod schemas;
mod script_files;
mod server_lost;
mod storages;
mod throttle;
mod tidy;
