//! `remold keys PATTERN`

use clap::Args;
use serde_json::json;

use super::census;
use super::exit::{Exit, Failure};
use super::render::{Output, Tone};
use crate::model::{Expiry, RedisType};
use crate::session::{KeyLine, Samples, Session};

/// Keys listed unless told otherwise.
const LIMIT_DEFAULT: usize = 100;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The pattern: user:*
    pattern: String,
    /// Only keys of this type: string, hash, list, set, zset, stream, json
    #[arg(long = "type", value_name = "TYPE")]
    redis_type: Option<String>,
    /// At most this many keys, 0 is all [default: 100, and all with --versions]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Count the documents of each schema version instead, with a few keys of each
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
    if arguments.versions {
        let most = arguments.limit.filter(|limit| *limit > 0).map_or(u64::MAX, |most| most as u64);
        let samples =
            Samples { pattern: &arguments.pattern, redis_type: redis_type.as_ref(), most };
        return census::carry_out(samples, session, output);
    }
    let limit = match arguments.limit.unwrap_or(LIMIT_DEFAULT) {
        0 => usize::MAX,
        limit => limit,
    };
    if !output.json {
        output.heading("type       expires key");
    }
    let (mut cursor, mut shown, mut looked_at) = (0, 0, 0);
    let database_keys = loop {
        let want = limit - shown;
        let page =
            session.browse(&arguments.pattern, redis_type.as_ref(), cursor, want.min(1000))?;
        looked_at += page.looked_at;
        for line in page.lines.iter().take(want) {
            if output.json {
                output.json(&json!({
                    "key": line.key, "type": line.redis_type,
                    "expires_at_ms": match line.expiry {
                        Expiry::Never => None,
                        Expiry::AtMs(at) => Some(at),
                    },
                }));
            } else {
                output.line(text(line, output));
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

fn text(line: &KeyLine, output: Output) -> String {
    let expiry = match line.expiry {
        Expiry::Never => "-".to_owned(),
        Expiry::AtMs(at) => left(at),
    };
    let about = format!("{:<9} {expiry:>8} ", line.redis_type.name());
    output.paint(Tone::Faint, about) + &line.key.to_string()
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
