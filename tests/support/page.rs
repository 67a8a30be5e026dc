//! A reader of videos by the rules of ComfyUI's page, byte by byte: what it would find in a file that is dropped on it.
//!
//! The rules are those of its front end of 2025: how much of a file it reads, by the file's extension; which boxes, elements
//! and chunks it follows; and from where to where a text must be JSON. Where it goes on in spite of damage, this does not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// What a page finds, by key in small letters: JSON as it stands in the file.
pub(crate) type Found = BTreeMap<String, String>;

/// What the page finds in `file`. Matroska, which it does not read, is read as WebM is, whole.
pub(crate) fn drop_on_page(file: &Path) -> Found {
    let read = |most: u64| {
        let mut bytes = Vec::new();
        File::open(file).unwrap().take(most).read_to_end(&mut bytes).unwrap();
        bytes
    };
    let found = match file.extension().and_then(|extension| extension.to_str()) {
        Some("mp4" | "mov") => boxes(&read(64 << 20)).unwrap_or_default(),
        Some("webm") => elements(&read(2 << 20)),
        Some("mkv") => elements(&read(u64::MAX)),
        Some("webp") => chunks(&read(u64::MAX)).unwrap_or_default(),
        _ => Found::new(),
    };
    found.into_iter().filter(|(key, text)| matches!(&**key, "prompt" | "workflow") && is_json(text)).collect()
}

/// As Python writes it: numbers may be none.
fn is_json(text: &str) -> bool {
    let plain = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    plain(text) || plain(&text.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null"))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?)).ok()
}

/// What is in the first box of this kind among those that follow each other in `bytes`.
fn find(bytes: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        let size = long(bytes, at)?;
        let end = at.checked_add(size).filter(|_| size >= 8)?;
        if bytes[at + 4..at + 8] == kind {
            // One that ends after what was read is cut there.
            return Some(&bytes[at + 8..end.min(bytes.len())]);
        }
        at = end;
    }
}

fn boxes(bytes: &[u8]) -> Option<Found> {
    let udta = find(bytes, *b"udta").or_else(|| find(find(bytes, *b"moov")?, *b"udta"))?;
    let meta = find(udta, *b"meta")?.get(4..)?;
    let (keys, list) = (find(meta, *b"keys")?, find(meta, *b"ilst")?);
    let (mut names, mut at) = (Vec::new(), 8);
    for _ in 0..long(keys, 4)? {
        let size = long(keys, at)?;
        names.push(String::from_utf8_lossy(keys.get(at + 8..at + size)?).to_lowercase());
        at += size;
    }
    let (mut found, mut at) = (Found::new(), 0);
    while at < list.len() {
        let item = list.get(at..at + long(list, at)?)?;
        let name = &names[long(item, 4)? - 1];
        let value = find(&item[8..], *b"data")?.get(8..)?;
        if let Some(start) = value.iter().position(|byte| *byte == b'{') {
            found.insert(name.clone(), String::from_utf8(value[start..].to_vec()).ok()?);
        }
        at += item.len();
    }
    Some(found)
}

/// The size of an element, and how many bytes it takes to say it.
fn vint(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let length = bytes.get(at)?.leading_zeros() as usize + 1;
    let raw = bytes.get(at..at + length).filter(|_| length <= 8)?;
    let value = raw.iter().fold(0, |value: usize, byte| value << 8 | usize::from(*byte));
    Some((value & ((1 << (7 * length)) - 1), length))
}

/// The first element of this name.
fn element(bytes: &[u8], name: [u8; 2]) -> Option<&[u8]> {
    let at = bytes.windows(2).position(|window| window == name)?;
    let (size, length) = vint(bytes, at + 2)?;
    bytes.get(at + 2 + length..at + 2 + length + size)
}

fn elements(bytes: &[u8]) -> Found {
    let mut found = Found::new();
    assert!(bytes.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]), "no EBML");
    let mut at = 0;
    while at + 2 < bytes.len() {
        let tag = (bytes[at..at + 2] == [0x67, 0xc8]).then(|| vint(bytes, at + 2)).flatten();
        let Some((size, length)) = tag.filter(|(size, length)| *size > 0 && at + 2 + length + size <= bytes.len())
        else {
            at += 1;
            continue;
        };
        let tag = &bytes[at + 2 + length..at + 2 + length + size];
        at += 2 + length + size;
        let (Some(name), Some(text)) = (element(tag, [0x45, 0xa3]), element(tag, [0x44, 0x87])) else { continue };
        let text = text.split(|byte| *byte == 0).next().unwrap();
        let Some(start) = text.iter().position(|byte| *byte == b'{') else { continue };
        let name = str::from_utf8(name).unwrap();
        // In capitals, and in no other way.
        if let ("PROMPT" | "WORKFLOW", Some(text)) = (name, object(str::from_utf8(&text[start..]).unwrap())) {
            found.insert(name.to_lowercase(), text.to_owned());
        }
    }
    found
}

/// The text up to the brace that closes the first one.
fn object(text: &str) -> Option<&str> {
    let (mut open, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => open += 1,
            b'}' if !quoted => {
                open -= 1;
                if open == 0 {
                    return Some(&text[..=at]);
                }
            }
            _ => {}
        }
    }
    None
}

/// Chunks of an odd length are taken for as long as they say they are.
fn chunks(bytes: &[u8]) -> Option<Found> {
    let little = |bytes: &[u8], at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    let mut at = 12;
    while bytes.get(at..at + 4)? != b"EXIF" {
        at += 8 + little(bytes, at + 4)?;
    }
    let exif = bytes.get(at + 8..at + 8 + little(bytes, at + 4)?)?;
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    assert_eq!(exif[..4], *b"II*\0");
    let directory = little(exif, 4)?;
    let mut found = Found::new();
    for entry in exif.get(directory + 2..)?.chunks(12).take(usize::from(exif[directory])) {
        let (start, length) = (little(entry, 8)?, little(entry, 4)?);
        let text = str::from_utf8(exif.get(start..start + length - 1)?).ok()?;
        let (key, text) = text.split_once(':')?;
        found.insert(key.to_owned(), text.to_owned());
    }
    Some(found)
}
