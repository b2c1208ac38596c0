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

/// The bits of a cursor over all nodes that are the node's own cursor; those above number the node.
/// Redis counts cursors by the size of its tables, which is far from this.
const CURSOR_BITS: u32 = 48;

impl Link {
    /// Asks for one page of the keyspace. `count` is how many keys the server looks at, before it
    /// filters by `pattern` and `redis_type`. The registry's own keys are no documents: only a pattern
    /// that begins with their prefix finds them. In a cluster one node comes after the other; keys that
    /// move between nodes meanwhile may be missed, so a run scans node by node, see [`super::Layout`].
    pub fn scan(
        &mut self,
        cursor: u64,
        pattern: &str,
        redis_type: Option<&RedisType>,
        count: usize,
    ) -> Result<Page, StoreError> {
        let number = usize::try_from(cursor >> CURSOR_BITS).expect("sixteen bits");
        let own = cursor & ((1 << CURSOR_BITS) - 1);
        let command = scan_command(own, pattern, redis_type, count);
        let Some((answer, nodes)) = self.call_number(number, "SCAN", &command)? else {
            // The node has left meanwhile, and it was the last.
            return Ok(Page { cursor: 0, keys: Vec::new() });
        };
        let mut page = self.read_page(pattern, answer)?;
        let number = match page.cursor {
            0 if number + 1 < nodes => number + 1,
            0 => 0,
            _ => number,
        };
        page.cursor |= (number as u64) << CURSOR_BITS;
        Ok(page)
    }

    /// Asks one node for a page, by its name in the [`super::Layout`].
    pub fn scan_node(
        &mut self,
        node: &str,
        cursor: u64,
        pattern: &str,
        count: usize,
    ) -> Result<Page, StoreError> {
        let command = scan_command(cursor, pattern, None, count);
        let answer = self.call_node(node, "SCAN", &command)?;
        self.read_page(pattern, answer)
    }

    fn read_page(&self, pattern: &str, answer: Value) -> Result<Page, StoreError> {
        let mut page = read_page(answer)?;
        let registry = format!("{}:", self.address().registry());
        if !pattern.starts_with(&registry) {
            page.keys.retain(|key| !key.as_bytes().starts_with(registry.as_bytes()));
        }
        Ok(page)
    }
}

fn scan_command(
    cursor: u64,
    pattern: &str,
    redis_type: Option<&RedisType>,
    count: usize,
) -> redis::Cmd {
    let mut command = redis::cmd("SCAN");
    command.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(count);
    if let Some(redis_type) = redis_type {
        command.arg("TYPE").arg(redis_type.name());
    }
    command
}

fn read_page(answer: Value) -> Result<Page, StoreError> {
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
    Ok(page)
}
