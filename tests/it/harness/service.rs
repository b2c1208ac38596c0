//! A small HTTP service that answers as a test says: well, late, with an error, with nonsense, or not
//! to the end. It keeps every request and the most that were under way at once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// How many came before it.
    pub number: usize,
}

impl Request {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What a request is answered with.
pub enum Reply {
    /// A whole response.
    Whole { status: u16, headers: &'static str, body: String },
    /// The head of a response, part of its body, and then the connection ends.
    Torn,
    /// Nothing: the connection ends.
    Nothing,
}

impl Reply {
    pub fn ok(json: &Json) -> Self {
        Self::Whole { status: 200, headers: "", body: json.to_string() }
    }

    pub fn status(status: u16) -> Self {
        Self::Whole { status, headers: "", body: "trouble".to_owned() }
    }
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

struct Shared {
    answer: Box<Answer>,
    requests: Mutex<Vec<Request>>,
    under_way: AtomicUsize,
    most: AtomicUsize,
    closed: AtomicBool,
}

/// The service. It ends when it is dropped.
pub struct Service {
    url: String,
    shared: Arc<Shared>,
}

impl Service {
    /// A service on a free port.
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            requests: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.closed.load(Ordering::SeqCst) {
                    break;
                }
                let serving = Arc::clone(&serving);
                thread::spawn(move || {
                    // A caller that was killed ends its connection as it likes.
                    let _ = serving.serve(&stream);
                });
            }
        });
        Self { url, shared }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("nobody panicked").clone()
    }

    /// The most requests that were under way at once.
    pub fn most(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }

    /// Waits until at least `count` requests have come.
    pub fn wait_for(&self, count: usize) {
        while self.shared.requests.lock().expect("nobody panicked").len() < count {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // The listener wakes up, sees that it is over, and goes.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        while let Some(mut request) = read(&mut reader)? {
            let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            {
                let mut requests = self.requests.lock().expect("nobody panicked");
                request.number = requests.len();
                requests.push(request.clone());
            }
            let reply = (self.answer)(&request);
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            let mut stream = stream;
            match reply {
                Reply::Whole { status, headers, body } => {
                    let length = body.len();
                    let head =
                        format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n");
                    stream.write_all(format!("{head}{body}").as_bytes())?;
                }
                Reply::Torn => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"sco")?;
                    return stream.shutdown(std::net::Shutdown::Both);
                }
                Reply::Nothing => return stream.shutdown(std::net::Shutdown::Both),
            }
        }
        Ok(())
    }
}

/// The next request of a connection; `None` when it ended.
fn read(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Request>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let target = lines[0].split(' ').nth(1).unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(Request { target, headers, body, number: 0 }))
}
