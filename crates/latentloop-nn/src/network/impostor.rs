//! What lies where a model was to be: Git LFS pointers, and web pages that were saved in a download's place.

/// The longest title that is repeated, in characters.
const MAX_TITLE: usize = 80;
/// Bytes in which the beginning of a web page is looked for.
const HEAD: usize = 2048;

/// What a file that begins so is, where it is one of these, and how the file itself is to be had.
pub(super) fn impostor(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]);
    let head = head.trim_start_matches('\u{feff}').trim_start();
    if head.starts_with("version https://git-lfs.github.com/spec/") {
        let size = head
            .lines()
            .find_map(|line| line.strip_prefix("size ")?.trim().parse::<u64>().ok());
        let size = size.map_or(String::new(), |size| format!(" of {size} bytes"));
        return Some(format!(
            "it is a Git LFS pointer, which stands for a file{size} that was not fetched; in its repository: git lfs pull"
        ));
    }
    let lower = head.to_ascii_lowercase();
    let is_page = ["<!doctype html", "<html", "<head", "<?xml", "<!--"]
        .iter()
        .any(|start| lower.starts_with(start));
    is_page.then(|| {
        // The lower case of ASCII has the same places.
        let title = lower.find("<title>").and_then(|start| {
            let title = &head[start + "<title>".len()..];
            let end = title.find('<').unwrap_or(title.len());
            let words: String = title[..end].trim().chars().take(MAX_TITLE).collect();
            (!words.is_empty()).then(|| format!(" ({words})"))
        });
        format!(
            "it is a web page{}, which was saved in place of the file; download the file itself",
            title.unwrap_or_default()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_and_web_pages_are_called_what_they_are() {
        let check = |bytes: &[u8], words: Option<[&str; 2]>| match (impostor(bytes), words) {
            (Some(said), Some(words)) => {
                for word in words {
                    assert!(said.contains(word), "{word:?} is not in {said}");
                }
            }
            (said, words) => assert!(said.is_none() && words.is_none(), "{said:?}, {words:?}"),
        };
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:07\nsize 42\n";
        check(pointer, Some(["Git LFS pointer", "42 bytes"]));
        check(
            b"version https://git-lfs.github.com/spec/v1",
            Some(["git lfs pull", "a file that"]),
        );
        check(
            b"\xef\xbb\xbf\n <!DOCTYPE html><html><head><title> Sign in</title>",
            Some(["web page (Sign in)", "download the file"]),
        );
        check(b"<HTML><body>404", Some(["web page,", "download the file"]));
        check(
            "<html><title>\u{130}\u{1e9e}</title>".as_bytes(),
            Some(["web page (\u{130}\u{1e9e})", "file"]),
        );
        check(b"PK\x03\x04", None);
        check(b"", None);
        check(b"\x80\x02<html>", None);
    }
}
