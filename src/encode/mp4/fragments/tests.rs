use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::encode::mp4::boxes::tests::wrap;

const STEP: u32 = 1001;

fn init() -> Vec<u8> {
    let mdhd = full(*b"mdhd", 0, &[0, 0, 24_000, 0, 0]);
    let trak = wrap(*b"trak", &wrap(*b"mdia", &mdhd));
    let mvex = wrap(*b"mvex", &full(*b"trex", 0, &[1, 1, STEP, 0, 0]));
    [wrap(*b"ftyp", b"isom\0\0\0\0"), wrap(*b"moov", &[trak, mvex].concat())].concat()
}

fn sample(size: u32, key: bool, shown: u32) -> TrackSample {
    TrackSample { size, key, shown }
}

/// I P B B: the third picture is decoded second.
pub(in crate::encode) fn pyramid() -> Vec<TrackSample> {
    vec![sample(9, true, 0), sample(5, false, 3), sample(3, false, 1), sample(2, false, 2)]
}

fn position(start: u64, decoded: u64) -> FragmentPosition {
    FragmentPosition { track: 1, step: STEP.into(), delay: 1, start, decoded, sequence: 1 }
}

/// A file of a fragment each, of the samples of a part that starts at frame `start`.
pub(in crate::encode) fn file(start: u64, fragments: &[Vec<TrackSample>]) -> Vec<u8> {
    let mut bytes = init();
    let mut decoded = start;
    for samples in fragments {
        bytes.extend(header(&position(start, decoded), samples).unwrap());
        let data: u32 = samples.iter().map(|sample| sample.size).sum();
        bytes.extend(vec![7; data as usize]);
        decoded += samples.len() as u64;
    }
    bytes
}

fn read(bytes: &[u8]) -> io::Result<Layout> {
    Layout::read(&mut Cursor::new(bytes), 24_000, STEP.into())
}

#[test]
fn samples_are_found_wherever_the_file_stands_in_time() {
    let samples = pyramid();
    let (front, back) = samples.split_at(2);
    for start in [0, 5_000_000] {
        let bytes = file(start, &[front.to_vec(), back.to_vec()]);
        let layout = read(&bytes).unwrap();
        assert_eq!(layout.init, init());
        assert_eq!((layout.track, layout.delay, layout.lead, layout.count()), (1, 1, 1, 4));
        let found: Vec<TrackSample> = layout.fragments.iter().flat_map(|fragment| fragment.samples.clone()).collect();
        assert_eq!(found, samples);
        let [first, second] = layout.fragments.as_slice() else { panic!("{layout:?}") };
        assert_eq!((first.time.ticks, second.time.ticks), (start * 1001, (start + 2) * 1001));
        let at = usize::try_from(second.time.at).unwrap();
        assert_eq!(bytes[at..at + 8], second.time.ticks.to_be_bytes());
        assert!(bytes[usize::try_from(first.data.start).unwrap()..][..14].iter().all(|byte| *byte == 7));
        assert_eq!((first.data.end - first.data.start, second.whole.end), (14, bytes.len() as u64));
    }
}

#[test]
fn times_that_were_only_half_written_do_not_matter() {
    let samples = pyramid();
    let (front, back) = samples.split_at(2);
    let mut bytes = file(0, &[front.to_vec(), back.to_vec()]);
    let before = read(&bytes).unwrap();
    let at = usize::try_from(before.fragments[1].time.at).unwrap();
    bytes[at..at + 8].copy_from_slice(&9_999_999_u64.to_be_bytes());
    let mut after = read(&bytes).unwrap();
    assert_eq!(std::mem::replace(&mut after.fragments[1].time.ticks, 2002), 9_999_999);
    assert_eq!(after, before);
    assert_eq!((before.fragments[0].ticks, before.fragments[1].ticks), (2002, 2002));
}

#[test]
fn what_streams_have_besides_is_passed_over() {
    let mut bytes = init();
    bytes.extend(wrap(*b"styp", b"msdh\0\0\0\0"));
    bytes.extend(&file(0, &[pyramid()])[init().len()..]);
    bytes.extend(wrap(*b"mfra", &[0; 16]));
    assert_eq!(read(&bytes).unwrap().count(), 4);
}

#[test]
fn files_that_are_not_whole_are_refused() {
    let bytes = file(0, &[pyramid()]);
    for cut in (0..bytes.len()).filter(|cut| *cut != init().len()) {
        read(&bytes[..cut]).unwrap_err();
    }
    assert_eq!(read(&init()).unwrap_err().to_string(), "no fragments, or half of one");
    let other_clock = Layout::read(&mut Cursor::new(&bytes), 25_000, 1000).unwrap_err();
    assert_eq!(other_clock.to_string(), "no video track with the clock of its rate");
}

#[test]
fn frames_out_of_step_are_refused() {
    let twice = vec![sample(9, true, 0), sample(5, false, 1), sample(5, false, 1)];
    let gap = vec![sample(9, true, 0), sample(5, false, 2)];
    for samples in [twice, gap] {
        let error = read(&file(0, &[samples])).unwrap_err();
        assert_eq!(error.to_string(), "frames that are not one after the other");
    }
}

#[test]
fn a_frame_decoded_too_late_has_no_header() {
    assert_eq!(header(&position(0, 1), &[sample(1, true, 0)]).map(|_| ()), Some(()));
    assert_eq!(header(&position(0, 2), &[sample(1, true, 0)]), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read(sizes in prop::collection::vec(1_u32..50, 1..30), cut in 0_usize..30, start in 0_u64..1 << 30) {
        let samples: Vec<TrackSample> = (0..).zip(&sizes).map(|(shown, size)| sample(*size, shown % 8 == 0, shown)).collect();
        let (front, back) = samples.split_at(cut % samples.len());
        let fragments: Vec<Vec<TrackSample>> = [front, back].into_iter().filter(|part| !part.is_empty()).map(<[_]>::to_vec).collect();
        let layout = read(&file(start, &fragments)).unwrap();
        let found: Vec<Vec<TrackSample>> = layout.fragments.into_iter().map(|fragment| fragment.samples).collect();
        prop_assert_eq!(found, fragments);
    }

    #[test]
    fn no_damage_troubles_it(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = file(3, &[pyramid()[..2].to_vec(), pyramid()[2..].to_vec()]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        _ = read(&bytes);
    }

    #[test]
    fn no_bytes_trouble_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        _ = read(&[init(), wrap(*b"moof", &bytes), wrap(*b"mdat", &[0; 9])].concat());
        let traf = wrap(*b"traf", &[full(*b"tfhd", 0, &[1]), full(*b"tfdt", 0, &[0]), wrap(*b"trun", &bytes)].concat());
        _ = read(&[init(), wrap(*b"moof", &traf), wrap(*b"mdat", &[0; 9])].concat());
    }
}
