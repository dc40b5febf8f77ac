//! Where raw pictures go, as it is written on the command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where raw pictures go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `pipe:1`: the standard output.
    Stdout,
    /// `pipe:PATH`: a named pipe.
    Fifo(PathBuf),
    /// `tcp://HOST:PORT`: a receiver that listens there.
    Tcp(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("pipe", "1")) => return Ok(Self::Stdout),
            Some(("pipe", path)) if !path.is_empty() => return Ok(Self::Fifo(path.into())),
            Some(("tcp", rest)) => {
                let address = rest
                    .strip_prefix("//")
                    .map(|rest| rest.trim_end_matches('/'));
                if let Some((host, port)) = address.and_then(|address| address.rsplit_once(':'))
                    && !host.is_empty()
                    && port.parse::<u16>().is_ok_and(|port| port > 0)
                {
                    return Ok(Self::Tcp(format!("{host}:{port}")));
                }
            }
            _ => {}
        }
        Err("give pipe:1, pipe:PATH of a named pipe, or tcp://HOST:PORT".to_owned())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("pipe:1"),
            Self::Fifo(path) => write!(f, "pipe:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_written_alike_and_others_are_refused() {
        for text in [
            "pipe:1",
            "pipe:/tmp/a:b",
            "pipe:out",
            "tcp://localhost:5000",
            "tcp://[::1]:80",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        assert_eq!(
            "tcp://a:1/".parse::<Target>(),
            Ok(Target::Tcp("a:1".into()))
        );
        for text in [
            "",
            "pipe",
            "pipe:",
            "tcp:a:1",
            "tcp://a",
            "tcp://:1",
            "tcp://a:0",
            "tcp://a:70000",
            "udp://a:1",
            "out.raw",
        ] {
            let refused = text.parse::<Target>().unwrap_err();
            assert!(refused.contains("pipe:1"), "{text}: {refused}");
        }
    }
}
