//! What a finished file says of itself, read back: each text under its key, and the time code that it begins with.
//!
//! Frames may be removed after a video is proved, and with them goes what made them. That FFmpeg was given the texts does not
//! say that it wrote them. They are read here by reeld's own reading of boxes, elements and chunks, from the places where
//! ComfyUI's page looks for them: in the index of an mp4 or mov, in front of the first cluster of Matroska, in the EXIF of WebP.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::boxes;
use crate::config::Container;
use crate::encode::error::EncodeError;
use crate::encode::mp4::boxes::{Boxes, find, invalid, long, number};
use crate::encode::tags::Tags;
use crate::encode::webp;

/// The word for the time code among the keys.
const TIME_CODE: &str = "timecode";

/// More than any tags take: texts are at most 64 MiB, see `Room`.
const MOST: u64 = 1 << 27;

/// The keys of `tags` whose text is not in `video` byte by byte. Of those that GIF and AVI cannot hold, all.
///
/// # Errors
///
/// When the file cannot be read, or is none of this container.
pub fn missing(video: &Path, container: Container, tags: &Tags) -> Result<Vec<String>, EncodeError> {
    if tags.is_empty() {
        return Ok(Vec::new());
    }
    let found = read(video, container).map_err(EncodeError::damaged(video))?;
    let is_there = |key: &str, text: &str| {
        found.texts.iter().any(|(there, found)| there.eq_ignore_ascii_case(key.as_bytes()) && found == text.as_bytes())
    };
    let texts = tags.iter().filter(|(key, text)| !is_there(key, text)).map(|(key, _)| key.to_owned());
    let start = tags.start().filter(|start| found.start != Some(start.number())).map(|_| TIME_CODE.to_owned());
    Ok(texts.chain(start).collect())
}

/// What there is in a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Keys and texts, as they stand in the file.
    texts: Vec<(Vec<u8>, Vec<u8>)>,
    /// The number of the frame that a track of time codes begins with.
    start: Option<u32>,
}

fn read(video: &Path, container: Container) -> io::Result<Found> {
    let mut file = File::open(video)?;
    match container {
        Container::Mp4 | Container::Mov => {
            let moov = boxes::read_moov(video)?.ok_or_else(|| invalid("no index (moov)"))?;
            let start = match time_code_at(&moov) {
                Some(at) => {
                    let mut sample = [0; 4];
                    file.seek(SeekFrom::Start(at))?;
                    file.read_exact(&mut sample)?;
                    Some(u32::from_be_bytes(sample))
                }
                None => None,
            };
            Ok(Found { texts: keyed(&moov).unwrap_or_default(), start })
        }
        Container::Mkv | Container::Webm => Ok(Found { texts: matroska(&mut file)?, start: None }),
        Container::Webp => Ok(Found { texts: webp::texts(&mut file)?, start: None }),
        Container::Avi | Container::Gif => Ok(Found::default()),
    }
}

/// The metadata of an index by key, as QuickTime has it: a table of keys, and a list of items that are called by their place
/// in the table, from 1 on (QuickTime File Format, "Metadata").
fn keyed(moov: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let meta = find(find(moov, *b"udta")?, *b"meta")?.get(4..)?;
    let names: Vec<&[u8]> = Boxes(find(meta, *b"keys")?.get(8..)?).map(|(_, name)| name).collect();
    let items = Boxes(find(meta, *b"ilst")?).filter_map(|(place, item)| {
        let place = usize::try_from(u32::from_be_bytes(place)).ok()?.checked_sub(1)?;
        // The type of the text and its language are in front of it.
        Some((names.get(place)?.to_vec(), find(item, *b"data")?.get(8..)?.to_vec()))
    });
    Some(items.collect())
}

/// Where the one sample of a track of time codes is in the file.
fn time_code_at(moov: &[u8]) -> Option<u64> {
    Boxes(moov).filter(|(kind, _)| kind == b"trak").find_map(|(_, track)| {
        let stbl = [*b"mdia", *b"minf", *b"stbl"].into_iter().try_fold(track, find)?;
        let (kind, _) = Boxes(find(stbl, *b"stsd")?.get(8..)?).next()?;
        if kind != *b"tmcd" {
            return None;
        }
        // Version, flags and the number of places are in front.
        let short = find(stbl, *b"stco").and_then(|places| number(places, 8)).map(u64::from);
        short.or_else(|| long(find(stbl, *b"co64")?, 8))
    })
}

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
const TAGS: u32 = 0x1254_c367;
const TAG: u32 = 0x7373;
const SIMPLE_TAG: u32 = 0x67c8;
const TAG_NAME: u32 = 0x45a3;
const TAG_STRING: u32 = 0x4487;

/// The texts in front of the first cluster of a Matroska file (RFC 9559).
fn matroska(file: &mut (impl Read + Seek)) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut texts = Vec::new();
    let mut at = 0;
    while at < end {
        file.seek(SeekFrom::Start(at))?;
        let mut head = Vec::with_capacity(12);
        Read::by_ref(file).take(12).read_to_end(&mut head)?;
        let Some(Element { id, head, length }) = Element::at(&head) else {
            return Err(invalid("no element of Matroska where one should be"));
        };
        let contents = at + head;
        match id {
            CLUSTER => break,
            // What is in it comes next.
            SEGMENT => at = contents,
            TAGS => {
                let mut tags = Vec::new();
                Read::by_ref(file).seek(SeekFrom::Start(contents))?;
                Read::by_ref(file).take(length.min(MOST)).read_to_end(&mut tags)?;
                texts.extend(simple_tags(&tags));
                at = contents.saturating_add(length);
            }
            _ => at = contents.saturating_add(length),
        }
    }
    Ok(texts)
}

fn simple_tags(tags: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let of = |id: u32| move |element: &(u32, &[u8])| element.0 == id;
    let simple = Elements(tags).filter(of(TAG)).flat_map(move |(_, tag)| Elements(tag).filter(of(SIMPLE_TAG)));
    simple.filter_map(move |(_, simple)| {
        let part = |id: u32| Elements(simple).find(of(id)).map(|(_, part)| part.to_vec());
        Some((part(TAG_NAME)?, part(TAG_STRING)?))
    })
}

/// The head of an element of Matroska (RFC 8794).
struct Element {
    id: u32,
    /// Bytes of the head.
    head: u64,
    /// Bytes of the contents. Very many where the length is not known, which is said by ones alone.
    length: u64,
}

impl Element {
    fn at(bytes: &[u8]) -> Option<Self> {
        let (id, id_length) = Self::number(bytes, 4)?;
        let (length, length_length) = Self::number(bytes.get(id_length..)?, 8)?;
        // The bit that says how long the number is belongs to a name, and is no part of a length.
        let marker = 1_u64 << (7 * length_length);
        let length = if length == (marker << 1) - 1 { u64::MAX } else { length - marker };
        Some(Self { id: u32::try_from(id).ok()?, head: (id_length + length_length) as u64, length })
    }

    /// A number whose first bit that is set says how many bytes it has, with that bit; and how many these are.
    fn number(bytes: &[u8], most: usize) -> Option<(u64, usize)> {
        let length = bytes.first()?.leading_zeros() as usize + 1;
        let number = bytes.get(..length).filter(|_| length <= most)?;
        Some((number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)), length))
    }
}

/// The elements in an element: name and contents. It ends at the first that does not fit.
#[derive(Clone)]
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let Element { id, head, length } = Element::at(self.0)?;
        let rest = self.0.get(usize::try_from(head).ok()?..)?;
        let (contents, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some((id, contents))
    }
}

/// Fuzzing: what is found in a file stands in it. See [`crate::fuzzing`].
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::encode) fn fuzz(bytes: &[u8]) {
    let holds = |text: &[u8]| text.is_empty() || bytes.windows(text.len()).any(|window| window == text);
    let matroska = matroska(&mut io::Cursor::new(bytes)).unwrap_or_default();
    for (key, text) in keyed(bytes).unwrap_or_default().iter().chain(&matroska) {
        assert!(holds(key) && holds(text));
    }
    let at = time_code_at(bytes);
    assert!(at.is_none_or(|at| holds(&at.to_be_bytes()[4..])));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::encode::mp4::boxes::tests::wrap;
    use crate::encode::tags::Pairs;
    use crate::encode::tags::tests::tags;

    fn element(id: u32, contents: &[u8]) -> Vec<u8> {
        let id: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        let length = (contents.len() as u64 | 1 << 56).to_be_bytes();
        [&id, length.as_slice(), contents].concat()
    }

    /// Files of each container that say `tags`.
    fn files(tags: &Tags) -> Vec<(Container, Vec<u8>)> {
        let (pairs, start) = Pairs::from(tags.clone());
        let keys: Vec<u8> = pairs.iter().flat_map(|(key, _)| wrap(*b"mdta", key.as_bytes())).collect();
        let items: Vec<u8> = (1_u32..)
            .zip(&pairs)
            .flat_map(|(place, (_, text))| {
                let data = [&[0, 0, 0, 1, 0, 0, 0, 0], text.as_bytes()].concat();
                wrap(place.to_be_bytes(), &wrap(*b"data", &data))
            })
            .collect();
        let meta = [vec![0; 4], wrap(*b"keys", &[vec![0; 8], keys].concat()), wrap(*b"ilst", &items)].concat();
        let ftyp = wrap(*b"ftyp", b"isom");
        let track = start.map(|_| {
            let stsd = wrap(*b"stsd", &[vec![0; 8], wrap(*b"tmcd", &[0; 8])].concat());
            let at = u32::try_from(ftyp.len() + 8).unwrap();
            let stco = wrap(*b"stco", &[&[0, 0, 0, 0, 0, 0, 0, 1], at.to_be_bytes().as_slice()].concat());
            let stbl = wrap(*b"stbl", &[stsd, stco].concat());
            wrap(*b"trak", &wrap(*b"mdia", &wrap(*b"minf", &stbl)))
        });
        let mdat = wrap(*b"mdat", &start.map(|start| start.number().to_be_bytes()).unwrap_or_default());
        let moov = wrap(*b"moov", &[track.unwrap_or_default(), wrap(*b"udta", &wrap(*b"meta", &meta))].concat());
        let simple: Vec<u8> = pairs
            .iter()
            .flat_map(|(key, text)| {
                let name = element(TAG_NAME, key.to_uppercase().as_bytes());
                element(SIMPLE_TAG, &[name, element(TAG_STRING, text.as_bytes())].concat())
            })
            .collect();
        let void = element(0xec, &[0; 30]);
        let segment = [void, element(TAGS, &element(TAG, &simple)), element(CLUSTER, b"frames")].concat();
        let matroska = [element(0x1a45_dfa3, b"webm"), element(SEGMENT, &segment)].concat();
        let mut webp = Cursor::new(webp::tests::file(&[40]));
        webp::embed(&mut webp, (320, 180), tags).unwrap();
        vec![
            (Container::Mp4, [ftyp, mdat, moov].concat()),
            (Container::Mkv, matroska),
            (Container::Webp, webp.into_inner()),
        ]
    }

    fn missing_in(file: &[u8], container: Container, tags: &Tags) -> Vec<String> {
        let video = tempfile::NamedTempFile::new().unwrap();
        fs::write(video.path(), file).unwrap();
        missing(video.path(), container, tags).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_there_is_found_and_what_is_another_is_missing(tags in tags(), at: prop::sample::Index) {
            let (mut pairs, start) = Pairs::from(tags.clone());
            for (container, file) in files(&tags) {
                let has_track = container == Container::Mp4;
                let timeless = if has_track || start.is_none() { vec![] } else { vec![TIME_CODE.to_owned()] };
                prop_assert_eq!(missing_in(&file, container, &tags), timeless, "{:?}", container);
            }
            if pairs.is_empty() {
                return Ok(());
            }
            let at = at.index(pairs.len());
            pairs[at].1.push('.');
            let other = Tags::try_from((pairs.clone(), None)).unwrap();
            for (container, file) in files(&tags) {
                prop_assert_eq!(missing_in(&file, container, &other), vec![pairs[at].0.clone()], "{:?}", container);
            }
        }

        #[test]
        fn no_damage_troubles_it(tags in tags(), at: prop::sample::Index, byte: u8) {
            for (_, mut file) in files(&tags) {
                let at = at.index(file.len());
                file[at] = byte;
                fuzz(&file);
                if let Some(moov) = file.windows(4).position(|window| window == b"moov") {
                    fuzz(&file[moov + 4..]);
                }
            }
        }
    }

    /// A number that another frame begins with is another time code.
    #[test]
    fn another_time_code_is_missing() {
        use std::num::NonZeroU32;

        use crate::config::FrameRate;
        use crate::encode::tags::Timecode;

        let rate = FrameRate { num: NonZeroU32::new(24).unwrap(), den: NonZeroU32::MIN };
        let starting = |number| {
            let mut tags = Tags::default();
            tags.start_at(Timecode::of(number, rate));
            tags
        };
        let (container, file) = files(&starting(1001)).swap_remove(0);
        assert_eq!(missing_in(&file, container, &starting(1001)), Vec::<String>::new());
        assert_eq!(missing_in(&file, container, &starting(1002)), [TIME_CODE]);
    }

    /// A workflow after the pictures is not where it is looked for.
    #[test]
    fn what_comes_after_the_first_cluster_does_not_count() {
        let simple = [element(TAG_NAME, b"PROMPT"), element(TAG_STRING, b"{}")].concat();
        let tags = element(TAGS, &element(TAG, &element(SIMPLE_TAG, &simple)));
        let segment = |parts: [Vec<u8>; 2]| element(SEGMENT, &parts.concat());
        let cluster = element(CLUSTER, b"frames");
        let found = |file: Vec<u8>| matroska(&mut Cursor::new(file)).unwrap();
        assert_eq!(found(segment([tags.clone(), cluster.clone()])), [(b"PROMPT".to_vec(), b"{}".to_vec())]);
        assert_eq!(found(segment([cluster, tags])), []);
    }
}
