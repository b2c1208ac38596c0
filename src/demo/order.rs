//! Orders: hashes under `order:*`, of two versions and of none.

use super::kind::Kind;
use super::random::Random;
use super::words::{FIRST_NAMES, LAST_NAMES};
use crate::store::fill::NewValue;

/// The key of the order at `index`.
pub fn key(kind: Kind, index: u64, random: &mut Random) -> Vec<u8> {
    if kind == Kind::OrderOtherType {
        let about = random.pick(&["lock", "log"]);
        return format!("order:{index}:{about}").into_bytes();
    }
    match random.below(50) {
        0 => [b"order:\x00\xc3", index.to_string().as_bytes()].concat(),
        1 => format!("order:№{index}").into_bytes(),
        _ => format!("order:{index}").into_bytes(),
    }
}

/// The value of an order.
pub fn value(kind: Kind, index: u64, random: &mut Random) -> NewValue {
    if kind == Kind::OrderOtherType {
        return if random.chance(50) {
            NewValue::String(b"worker-7".to_vec())
        } else {
            NewValue::List(vec![b"placed".to_vec(), b"packed".to_vec()])
        };
    }
    let mut fields: Vec<(&str, Vec<u8>)> = vec![("number", format!("A-{index:08}").into_bytes())];
    let total = random.pick(&["19.90", "1e2", "1.0", "0", "12345678901234567890.50", "-4.25"]);
    let (first, last) = (random.pick(&FIRST_NAMES), random.pick(&LAST_NAMES));
    if kind == Kind::OrderV2 {
        fields.push(("customer", format!("{first} {last}").into_bytes()));
        fields.push(("amount", total.into()));
        fields.push(("currency", random.pick(&["EUR", "USD", "JPY"]).into()));
        fields.push(("paid", random.pick(&["true", "false"]).into()));
    } else {
        let no_total = random.pick(&["", "free", "19,90", "NaN"]);
        let odd_paid = random.pick(&["maybe", "yes", ""]);
        fields.push(("customerFirst", first.into()));
        fields.push(("customerLast", last.into()));
        fields.push(("total", if kind == Kind::OrderNoTotal { no_total } else { total }.into()));
        let paid = random.pick(&["1", "0", "true", "false", "TRUE"]);
        fields.push(("paid", if kind == Kind::OrderV1OddPaid { odd_paid } else { paid }.into()));
        if random.chance(40) {
            fields.push(("legacyCode", format!("X{}", random.below(10_000)).into_bytes()));
        }
    }
    if random.chance(80) {
        fields.push(("quantity", random.pick(&["1", "2", "12", "400"]).into()));
    }
    if random.chance(50) {
        let items = r#"[{"sku": "käse-🧀","price": 1.0},{"sku":"b","price":1e2}]"#;
        fields.push(("items", items.into()));
    }
    if random.chance(5) {
        // A field that no schema declares and that is no text.
        fields.push(("signature", [b"\xff\x00".as_slice(), &random.next().to_le_bytes()].concat()));
    }
    let pairs = fields.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value));
    NewValue::Hash(pairs.collect())
}
