//! Every limit that is not an operator's choice, with its unit in its name.

/// Keys asked of one `SCAN` call (its COUNT). 100 to 1000 do other clients no harm; 5000 cost them
/// milliseconds.
pub const SCAN_COUNT: usize = 500;
/// The most keys in one batch unless the operator says otherwise: beyond 100, other clients' p99 grows with
/// the script's length and throughput does not.
pub const BATCH_KEYS_DEFAULT: usize = 100;
/// The most keys one batch may have: a script's arguments are unpacked on Lua's stack.
pub const BATCH_KEYS_MAX: usize = 1_000;
/// How long writing a batch may take, in milliseconds, unless the operator says otherwise.
pub const LATENCY_GOAL_DEFAULT_MS: u64 = 5;
/// Bytes of values in one batch before it is cut.
pub const BATCH_BYTES_MAX: usize = 4 << 20;
/// A document larger than this is not changed but counted as invalid.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;
/// Tries for one key that other clients keep writing before it is counted as a conflict.
pub const CONFLICT_TRIES_MAX: u32 = 8;
/// Errors kept in memory with their keys; all are in the journal, and all are counted.
pub const ERRORS_KEPT_MAX: usize = 500;
/// Groups of errors (step, field, reason) counted apart; what comes after is counted as "other".
pub const ERROR_GROUPS_MAX: usize = 200;
/// Sample keys kept for each group of errors.
pub const GROUP_SAMPLE_KEYS_MAX: usize = 5;
/// How long a reply may take before the connection is taken for dead.
pub const RESPONSE_TIMEOUT_S: u64 = 30;
/// How long a connection attempt may take.
pub const CONNECT_TIMEOUT_S: u64 = 5;
/// Progress is handed to a face at most this often.
pub const PROGRESS_INTERVAL_MS: u64 = 100;
/// How deep JSON may nest before it is refused, as in serde_json.
pub const JSON_DEPTH_MAX: usize = 128;
/// A list of keys stands in its plan, and a plan in its journal's first frame.
pub const KEY_LIST_BYTES_MAX: u64 = 256 << 20;
