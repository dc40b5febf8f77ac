//! HTTP request heads. Hostile until parsed.

/// The longest head that is read.
pub(super) const MAX_HEAD: usize = 8 << 10;
/// Header lines that are read.
const MAX_HEADERS: usize = 64;

/// The head of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// `GET`, or what else was sent.
    pub method: String,
    /// Path and query.
    pub target: Result<Target, HeadError>,
    /// The header `Host`.
    pub host: Option<String>,
    /// The header `Origin`: the page that a browser asks for.
    pub origin: Option<String>,
    /// The key of a request to go over to WebSocket.
    pub socket_key: Option<String>,
    /// Bytes of the head; what lies beyond it belongs to what follows.
    pub length: usize,
}

/// The target of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The path, its percent signs decoded, without a slash at its end: empty for the whole tree.
    pub path: String,
    /// The attribute of the query.
    pub attribute: Option<String>,
}

/// An error in a request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// It is no HTTP.
    #[error("this is no HTTP/1.1 request")]
    Http,
    /// It is longer than any that means something here.
    #[error("the request's head is longer than {MAX_HEAD} bytes")]
    Length,
    /// Its path or query is none.
    #[error("the path or the query cannot be read")]
    Target,
    /// It wants a WebSocket, but not as RFC 6455 has it.
    #[error("this is no WebSocket handshake of version 13")]
    Socket,
}

impl Head {
    /// Reads a head; nothing where it has not come to its end.
    ///
    /// # Errors
    /// When the bytes can become no request.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, HeadError> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(&bytes[..bytes.len().min(MAX_HEAD)]) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Ok(None),
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Err(HeadError::Length);
            }
            Err(_) => return Err(HeadError::Http),
        };
        let header = |name: &str| {
            let found = request
                .headers
                .iter()
                .find(|header| header.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(found.value).ok().map(str::trim)
        };
        let says = |name: &str, word: &str| {
            header(name).is_some_and(|value| {
                value
                    .split(',')
                    .any(|part| part.trim().eq_ignore_ascii_case(word))
            })
        };
        let socket_key = if says("upgrade", "websocket") {
            let key = header("sec-websocket-key").filter(|key| key.len() == 24);
            let whole =
                says("connection", "upgrade") && header("sec-websocket-version") == Some("13");
            Some(key.filter(|_| whole).ok_or(HeadError::Socket)?.to_owned())
        } else {
            None
        };
        Ok(Some(Self {
            method: request.method.unwrap_or_default().to_owned(),
            target: request
                .path
                .and_then(Target::parse)
                .ok_or(HeadError::Target),
            host: header("host").map(str::to_owned),
            origin: header("origin").map(str::to_owned),
            socket_key,
            length,
        }))
    }
}

impl Target {
    fn parse(text: &str) -> Option<Self> {
        // A fragment is the client's own matter.
        let text = text.split_once('#').map_or(text, |(before, _)| before);
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        // Some clients send the whole address, as to a proxy.
        let path = match path.strip_prefix("http://") {
            Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => path,
        };
        let path = decode(path)?;
        if !path.starts_with('/') {
            return None;
        }
        let attribute = match query {
            None | Some("") => None,
            Some(query) => Some(decode(query)?),
        };
        Some(Self {
            path: path.trim_end_matches('/').to_owned(),
            attribute,
        })
    }
}

/// Text without its percent signs (RFC 3986, section 2.1); nothing where they mean nothing.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded)
        .ok()
        .filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(line: &str) -> Result<(String, Option<String>), HeadError> {
        let head = format!("GET {line} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let head = Head::parse(head.as_bytes())?.unwrap();
        head.target.map(|target| (target.path, target.attribute))
    }

    #[test]
    fn paths_and_queries_are_decoded() {
        for (line, path, attribute) in [
            ("/", "", None),
            ("/loop/speed", "/loop/speed", None),
            ("/loop/", "/loop", None),
            ("/loop/speed?VALUE", "/loop/speed", Some("VALUE")),
            ("/l%6fop?HOST%5fINFO", "/loop", Some("HOST_INFO")),
            ("/loop?", "/loop", None),
            ("/loop#there", "/loop", None),
            ("http://localhost:1/loop?TYPE", "/loop", Some("TYPE")),
            ("http://localhost?HOST_INFO", "", Some("HOST_INFO")),
        ] {
            let expected = (path.to_owned(), attribute.map(str::to_owned));
            assert_eq!(target(line), Ok(expected), "{line}");
        }
        for line in ["/%4", "/%zz", "/%ff", "/%00", "loop", "*"] {
            assert_eq!(target(line), Err(HeadError::Target), "{line}");
        }
    }

    #[test]
    fn heads_that_are_not_whole_wait_and_those_that_are_wrong_are_refused() {
        assert_eq!(Head::parse(b"GET / HT"), Ok(None));
        assert_eq!(Head::parse(b"\x16\x03\x01\x02"), Err(HeadError::Http));
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(MAX_HEAD));
        assert_eq!(Head::parse(long.as_bytes()), Err(HeadError::Length));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100));
        assert_eq!(Head::parse(many.as_bytes()), Err(HeadError::Length));
        let socket = "GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: ";
        let key = "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let head = Head::parse(format!("{socket}13{key}").as_bytes());
        assert_eq!(
            head.unwrap().unwrap().socket_key.unwrap(),
            "dGhlIHNhbXBsZSBub25jZQ=="
        );
        let old = Head::parse(format!("{socket}8{key}").as_bytes());
        assert_eq!(old, Err(HeadError::Socket));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_stop(bytes in proptest::collection::vec(any::<u8>(), 0..400), path in "[/%?#a-f0-9]{0,60}") {
            let _ = Head::parse(&bytes);
            let _ = target(&path);
        }
    }
}
