//! Sentinels: who knows which server is the primary at the moment
//! (<https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/>).

use std::fmt;

use super::address::Address;
use super::error::StoreError;
use super::wire::Wire;

const PORT: u16 = 26_379;

/// Sentinels that watch a primary under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sentinels {
    /// Where they are, in the order in which they are asked.
    pub hosts: Vec<(String, u16)>,
    /// The name of the primary.
    pub primary: String,
}

impl Sentinels {
    /// Reads `host[:port],.../NAME`; answers also what follows the name after a slash.
    pub fn parse(text: &str) -> Result<(Self, &str), String> {
        let (hosts, path) = text.split_once('/').unwrap_or((text, ""));
        let (primary, rest) = path.split_once('/').unwrap_or((path, ""));
        if primary.is_empty() {
            return Err("it names no primary: sentinel://host:26379,host2:26379/NAME".to_owned());
        }
        let host = |text: &str| match text.rsplit_once(':') {
            Some((host, port)) => match port.parse() {
                Ok(port) => Ok((host.to_owned(), port)),
                Err(_) => Err(format!("'{port}' is no port")),
            },
            None => Ok((text.to_owned(), PORT)),
        };
        let hosts = hosts.split(',').map(host).collect::<Result<_, String>>()?;
        Ok((Self { hosts, primary: primary.to_owned() }, rest))
    }

    /// Whether both are about the same primary, as far as one sentinel in common tells.
    pub fn watch_the_same(&self, other: &Self) -> bool {
        self.primary == other.primary && self.hosts.iter().any(|host| other.hosts.contains(host))
    }

    /// Where the first sentinel that knows the primary says it is; else why nobody does. `reach`
    /// makes the address of a sentinel.
    pub fn primary_at(
        &self,
        reach: impl Fn(&str, u16) -> Address,
    ) -> Result<(String, u16), String> {
        let mut reasons = Vec::new();
        for (host, port) in &self.hosts {
            match ask(&reach(host, *port), &self.primary) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {
                    reasons.push(format!("{host}:{port} knows no primary '{}'", self.primary));
                }
                Err(StoreError::Unreachable { reason, .. } | StoreError::Tls { reason, .. }) => {
                    reasons.push(format!("{host}:{port}: {reason}"));
                }
                Err(error) => reasons.push(format!("{host}:{port}: {error}")),
            }
        }
        Err(reasons.join("; "))
    }
}

impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(|(h, p)| format!("{h}:{p}")).collect();
        write!(f, "{}/{}", hosts.join(","), self.primary)
    }
}

fn ask(sentinel: &Address, primary: &str) -> Result<Option<(String, u16)>, StoreError> {
    let mut wire = Wire::open(sentinel)?;
    let mut command = redis::cmd("SENTINEL");
    let answer = wire.call("SENTINEL", command.arg("get-master-addr-by-name").arg(primary))?;
    redis::from_redis_value(answer).map_err(|error| StoreError::Answer {
        command: "SENTINEL".to_owned(),
        detail: error.to_string(),
    })
}
