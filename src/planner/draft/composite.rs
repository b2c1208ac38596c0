//! What is written as one text here and as several fields there: names, addresses, sizes.

use super::names::words;
use super::side::Leaf;

/// Something that is written as one text or as its parts.
pub struct Composite {
    /// Words of the whole's name.
    pub whole: &'static [&'static str],
    /// Words of each part's name.
    pub parts: &'static [&'static [&'static str]],
    /// What usually stands between the parts.
    pub separator: &'static str,
}

impl Composite {
    /// Whether it is what people are called.
    pub fn names_person(&self) -> bool {
        self.whole.contains(&"fullname")
    }
}

/// What is known to be written both ways.
pub const COMPOSITES: &[Composite] = &[
    Composite {
        whole: &[
            "name",
            "fullname",
            "displayname",
            "person",
            "customer",
            "author",
            "contact",
            "holder",
            "employee",
            "guest",
            "patient",
            "student",
            "driver",
            "owner",
            "recipient",
            "passenger",
            "member",
        ],
        parts: &[
            &["first", "given", "forename", "firstname", "fname"],
            &["last", "family", "surname", "lastname", "lname"],
        ],
        separator: " ",
    },
    Composite {
        whole: &[
            "address", "host", "endpoint", "server", "listen", "bind", "addr", "target", "hostport",
        ],
        parts: &[&["host", "hostname", "ip", "address"], &["port"]],
        separator: ":",
    },
    Composite {
        whole: &[
            "location",
            "coordinates",
            "position",
            "geo",
            "latlng",
            "latlon",
            "point",
            "coords",
        ],
        parts: &[&["lat", "latitude"], &["lon", "lng", "long", "longitude"]],
        separator: ",",
    },
    Composite {
        whole: &["size", "resolution", "dimensions", "dimension"],
        parts: &[&["width", "w"], &["height", "h"]],
        separator: "x",
    },
    Composite {
        whole: &["size", "dimensions", "dimension", "measurements"],
        parts: &[&["width", "w", "length"], &["height", "h", "width"], &["depth", "d", "height"]],
        separator: "x",
    },
    Composite {
        whole: &["phone", "telephone", "tel", "mobile", "msisdn"],
        parts: &[&["country", "prefix", "cc"], &["number", "local", "national", "subscriber"]],
        separator: " ",
    },
    Composite {
        whole: &["repository", "repo", "slug", "project", "fullname", "full"],
        parts: &[
            &["owner", "org", "organization", "user", "namespace", "vendor"],
            &["name", "repo", "repository", "project"],
        ],
        separator: "/",
    },
    Composite {
        whole: &["image"],
        parts: &[&["repository", "name", "image"], &["tag", "version"]],
        separator: ":",
    },
    Composite {
        whole: &["port", "ports", "mapping", "publish"],
        parts: &[&["published", "host", "external"], &["target", "container", "internal"]],
        separator: ":",
    },
    Composite {
        whole: &["volume", "mount", "bind", "volumes"],
        parts: &[&["source", "host", "src"], &["target", "container", "destination", "path"]],
        separator: ":",
    },
    Composite {
        whole: &["version", "release"],
        parts: &[&["major"], &["minor"], &["patch", "micro"]],
        separator: ".",
    },
    Composite {
        whole: &["price", "amount", "total", "cost", "money", "fee"],
        parts: &[&["amount", "value"], &["currency"]],
        separator: " ",
    },
    Composite {
        whole: &["range", "period", "interval", "span"],
        parts: &[
            &["min", "from", "start", "low", "minimum"],
            &["max", "to", "end", "high", "maximum"],
        ],
        separator: "-",
    },
    Composite {
        whole: &["email", "mail"],
        parts: &[&["local", "user", "username"], &["domain", "host"]],
        separator: "@",
    },
    Composite {
        whole: &["location", "place", "address", "residence"],
        parts: &[&["city", "town"], &["country", "state", "region"]],
        separator: ", ",
    },
];

/// For each part the one field whose name says so; all in one object.
pub fn pick(parts: &[&[&str]], among: &[usize], leaves: &[Leaf]) -> Option<Vec<usize>> {
    let mut picked: Vec<usize> = Vec::new();
    for names in parts {
        let says = |at: &&usize| {
            let own = words(leaves[**at].path.last().map_or("", String::as_str));
            let parent = picked.first().map(|first: &usize| {
                let path = &leaves[*first].path;
                &path[..path.len() - 1]
            });
            let path = &leaves[**at].path;
            own.iter().any(|word| names.contains(&word.as_str()))
                && !picked.contains(at)
                && parent.is_none_or(|parent| parent == &path[..path.len() - 1])
        };
        picked.push(*among.iter().find(says)?);
    }
    Some(picked)
}
