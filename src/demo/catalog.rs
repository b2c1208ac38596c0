//! The sample catalog, carried in the binary so that the demo works from any folder.

use std::path::Path;

/// The files of `sample-data/catalog/`, by path below it.
pub const FILES: [(&str, &str); 7] = [
    ("user/1.0.0.json", include_str!("../../sample-data/catalog/user/1.0.0.json")),
    ("user/2.0.0.json", include_str!("../../sample-data/catalog/user/2.0.0.json")),
    ("user/3.0.0.json", include_str!("../../sample-data/catalog/user/3.0.0.json")),
    ("user/migrations.json", include_str!("../../sample-data/catalog/user/migrations.json")),
    ("order/1.0.0.json", include_str!("../../sample-data/catalog/order/1.0.0.json")),
    ("order/2.0.0.json", include_str!("../../sample-data/catalog/order/2.0.0.json")),
    ("order/migrations.json", include_str!("../../sample-data/catalog/order/migrations.json")),
];

/// Writes the catalog below `folder`, where it is read like any other and may be edited.
pub fn write_below(folder: &Path) -> std::io::Result<()> {
    for (name, text) in FILES {
        let path = folder.join(name);
        let parent = path.parent().expect("every file stands in a subject's folder");
        std::fs::create_dir_all(parent)?;
        std::fs::write(&path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_sample_catalog_is_carried() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/catalog");
        let mut found = Vec::new();
        for subject in std::fs::read_dir(&top).expect("the sample catalog") {
            for file in std::fs::read_dir(subject.expect("an entry").path()).expect("a folder") {
                let path = file.expect("an entry").path();
                let name = path.strip_prefix(&top).expect("below it").to_owned();
                found.push(name.to_str().expect("a plain name").to_owned());
            }
        }
        found.sort();
        let mut carried: Vec<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        carried.sort();
        assert_eq!(carried, found);
    }
}
