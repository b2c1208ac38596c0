//! Walking the keyspace with `SCAN` (<https://redis.io/docs/latest/commands/scan/>).
//!
//! A page may be empty while the cursor lives on, a key may come twice, and a cursor means nothing to
//! a server that was restarted since.

use redis::Value;

use super::error::StoreError;
use super::link::{Link, array, bytes, unexpected};
use crate::model::{Key, RedisType};

/// One answer of `SCAN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The cursor of the next page; 0 when this was the last.
    pub cursor: u64,
    /// The keys, in no order.
    pub keys: Vec<Key>,
}

impl Link {
    /// Asks for one page. `count` is how many keys the server looks at, before it filters by
    /// `pattern` and `redis_type`. The registry's own keys are no documents: only a pattern that begins
    /// with their prefix finds them.
    pub fn scan(
        &mut self,
        cursor: u64,
        pattern: &str,
        redis_type: Option<&RedisType>,
        count: usize,
    ) -> Result<Page, StoreError> {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(count);
        if let Some(redis_type) = redis_type {
            command.arg("TYPE").arg(redis_type.name());
        }
        let answer = self.call("SCAN", &command)?;
        let Ok([cursor, keys]) = <[Value; 2]>::try_from(array("SCAN", answer)?) else {
            return Err(unexpected("SCAN", &Value::Nil));
        };
        let cursor = redis::from_redis_value(cursor).map_err(|error| StoreError::Answer {
            command: "SCAN".into(),
            detail: error.to_string(),
        })?;
        let mut page = Page { cursor, keys: Vec::new() };
        for key in array("SCAN", keys)? {
            page.keys.extend(bytes("SCAN", key)?.map(Key::from));
        }
        let registry = format!("{}:", self.address().registry());
        if !pattern.starts_with(&registry) {
            page.keys.retain(|key| !key.as_bytes().starts_with(registry.as_bytes()));
        }
        Ok(page)
    }
}
