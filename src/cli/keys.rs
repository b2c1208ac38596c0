//! `remold keys PATTERN`

use clap::Args;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::render::Output;
use crate::model::{Expiry, RedisType};
use crate::session::Session;

/// Keys listed unless told otherwise.
const LIMIT_DEFAULT: usize = 100;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The pattern: user:*
    pattern: String,
    /// Only keys of this type: string, hash, list, set, zset, stream, json
    #[arg(long = "type", value_name = "TYPE")]
    redis_type: Option<String>,
    /// At most this many keys; 0 lists all
    #[arg(long, default_value_t = LIMIT_DEFAULT, value_name = "N")]
    limit: usize,
    /// Show the schema version of each document
    #[arg(long)]
    versions: bool,
}

/// Lists the keys. Without a match it exits 1, as grep does.
pub fn carry_out(
    arguments: &Arguments,
    session: &Session,
    output: Output,
) -> Result<Exit, Failure> {
    let redis_type = match arguments.redis_type.as_deref() {
        None => None,
        Some(name) => Some(RedisType::from_name(name).ok_or_else(|| {
            Failure::usage("--type none matches nothing: name a type such as string or hash")
        })?),
    };
    let limit = if arguments.limit == 0 { usize::MAX } else { arguments.limit };
    let (mut cursor, mut shown, mut looked_at) = (0, 0, 0);
    let database_keys = loop {
        let want = limit - shown;
        let page =
            session.browse(&arguments.pattern, redis_type.as_ref(), cursor, want.min(1000))?;
        looked_at += page.looked_at;
        for line in page.lines.iter().take(want) {
            let version = if arguments.versions { version(session, &line.key)? } else { None };
            if output.json {
                output.json(&json!({
                    "key": line.key, "type": line.redis_type,
                    "expires_at_ms": match line.expiry {
                        Expiry::Never => None,
                        Expiry::AtMs(at) => Some(at),
                    },
                    "version": version,
                }));
            } else {
                output.line(text(line, version.as_deref()));
            }
            shown += 1;
        }
        cursor = page.cursor;
        if cursor == 0 || shown >= limit {
            break page.database_keys;
        }
    };
    let looked_at = looked_at.min(database_keys);
    let more = if cursor == 0 { "" } else { "; more with --limit" };
    output.talk(format!("{shown} shown, scanned about {looked_at} of {database_keys} keys{more}"));
    if shown == 0 {
        output.talk(format!("no key matches '{}' at {}", arguments.pattern, session.address()));
        return Ok(Exit::NeedsEyes);
    }
    Ok(Exit::Fine)
}

fn version(session: &Session, key: &crate::model::Key) -> Result<Option<String>, Failure> {
    let detail = session.key(key)?;
    Ok(detail
        .and_then(|detail| detail.version)
        .map(|(subject, version)| format!("{subject}@{version}")))
}

fn text(line: &crate::session::KeyLine, version: Option<&str>) -> String {
    let expiry = match line.expiry {
        Expiry::Never => "-".to_owned(),
        Expiry::AtMs(at) => left(at),
    };
    let version = version.map(|version| format!("{version:<16} ")).unwrap_or_default();
    format!("{:<9} {expiry:>8} {version}{}", line.redis_type.name(), line.key)
}

/// The time until `at_ms`, in its largest unit.
fn left(at_ms: i64) -> String {
    let seconds = (at_ms - jiff::Timestamp::now().as_millisecond()).max(0) / 1000;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
