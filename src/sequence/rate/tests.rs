//! What makers say of the rate, source by source, and which of them counts.

use proptest::prelude::*;

use super::*;
use crate::sequence::Padding;
use crate::sequence::origin::{Embedded, Stamps};

fn rate(text: &str) -> FrameRate {
    FrameRate::read(text).unwrap()
}

fn pattern() -> Pattern {
    Pattern::new("shot_", ".png", Padding::Width(4))
}

/// What Blender prints for frame `number` at this rate: the time as a 64-bit number, the frames within the second rounded.
fn time(number: i64, num: i64, den: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let scaled = number.abs() * den;
    let (seconds, rest) = (scaled / num, scaled % num);
    // rest / num seconds times num / den frames a second.
    let frames = (2 * rest + den) / (2 * den);
    format!("{sign}{:02}:{:02}:{:02}:{frames:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn stamped(numbers: impl IntoIterator<Item = i64>, (num, den): (i64, i64)) -> Option<FrameRate> {
    let origin = |number: i64| {
        let time = time(number, num, den);
        Origin::of(&Embedded::Stamps(Stamps { frame: Some(number), time: Some(time), ..Stamps::default() }))
    };
    let origins: Vec<Origin> = numbers.into_iter().map(origin).collect();
    let found = RateEvidence::of(&origins, None).rate(Path::new("/r"), &pattern())?;
    assert_eq!(found.source, RateSource::Stamps);
    Some(found.rate)
}

#[test]
fn time_stamps_say_the_rate_from_the_first_second_on() {
    for fps in [6, 8, 12, 15, 23, 24, 25, 30, 48, 50, 60, 120, 240] {
        assert_eq!(stamped(1..=3 * fps, (fps, 1)), Some(rate(&fps.to_string())), "{fps}");
        assert_eq!(stamped(1..fps, (fps, 1)), None, "{fps}, within the first second");
        assert_eq!(stamped([fps], (fps, 1)), Some(rate(&fps.to_string())), "{fps}, one frame");
        assert_eq!(
            stamped([-1, -fps, -3 * fps], (fps, 1)),
            Some(rate(&fps.to_string())),
            "{fps}, before the beginning"
        );
        assert_eq!(stamped((1..=9 * fps).step_by(7), (fps, 1)), Some(rate(&fps.to_string())), "{fps}, in steps");
    }
    // 23.976 is 24 as far as half a minute tells, and told apart from it after that.
    assert_eq!(stamped(1..=240, (24_000, 1001)), Some(rate("24")));
    assert_eq!(stamped(1..=720, (24_000, 1001)), Some(rate("23.976")));
    assert_eq!(stamped(1..=900, (30_000, 1001)), Some(rate("29.97")));
    assert_eq!(stamped(1..=1800, (60_000, 1001)), Some(rate("59.94")));
    assert_eq!(stamped(1..=100, (25, 2)), Some(rate("12.5")));
    // A rate that nobody uses, and stamps of two films.
    assert_eq!(stamped(1..=9000, (2411, 100)), None);
    let two = [TimeStamp::of(48, "00:00:02:00"), TimeStamp::of(60, "00:00:02:00")].map(Option::unwrap).map(Range::of);
    assert_eq!(two[0].and(two[1]).rate(), None);
}

#[test]
fn what_is_no_time_says_nothing() {
    for (number, time) in [
        (30, ""),
        (30, "00:00:01"),
        (30, "00:00:01:00:00"),
        (30, "0:0:1:0"),
        (30, "00:61:01:00"),
        (30, "00:00:01.00"),
        (30, "-00:00:01:00"),
        (-30, "00:00:01:00"),
        (30, "00:00:01:31"),
        (30, "00:00:00:29"),
        (30, "999999:00:00:00"),
        (30, "4294967295:00:00:00"),
        (i64::MIN, "-00:00:01:00"),
        (30, "12:00:01:00 PM"),
    ] {
        let stamp = TimeStamp::of(number, time).map(Range::of).and_then(Range::rate);
        assert!(stamp.is_none(), "{number} at {time}");
    }
}

fn of_name(name: &str) -> Option<String> {
    of_texts([name.as_bytes()]).map(|(rate, _)| rate.to_string())
}

#[test]
fn names_say_the_rate_with_its_word() {
    for (name, expected) in [
        ("12fps", Some("12")),
        ("shot_24fps", Some("24")),
        ("shot_24fps_v2", Some("24")),
        ("shot.24fps.beauty", Some("24")),
        ("29.97fps", Some("30000/1001")),
        ("render-23.976fps-1920x1080", Some("24000/1001")),
        ("Walk 12.5 FPS", Some("25/2")),
        ("walk_8_fps", Some("8")),
        ("24fps and 24 fps", Some("24")),
        ("24fps_to_60fps", None),
        ("fps", None),
        ("_fps", None),
        ("24", None),
        ("24fpsx", None),
        ("24fps2", None),
        ("take24fps", None),
        ("0fps", None),
        ("5000fps", None),
        ("1.2.3fps", None),
        ("\u{662}fps", None),
        ("shot_fps24", None),
    ] {
        assert_eq!(of_name(name).as_deref(), expected, "{name}");
    }
    let files = Pattern::new("shot_12fps_", ".png", Padding::Width(4));
    let found = RateEvidence::default().rate(Path::new("/render/30fps"), &files).unwrap();
    assert_eq!((found.rate, found.source), (rate("12"), RateSource::FileName { text: "12fps".to_owned() }));
    let found = RateEvidence::default().rate(Path::new("/render/30fps"), &pattern()).unwrap();
    assert_eq!((found.rate, found.source), (rate("30"), RateSource::FolderName { text: "30fps".to_owned() }));
    // The number of a frame is no rate.
    let numbers = Pattern::new("", "fps.png", Padding::Width(4));
    assert_eq!(RateEvidence::default().rate(Path::new("/render/30fps/x"), &numbers), None);
}

#[test]
fn the_nearest_to_the_maker_counts() {
    let graph = |node: &str| {
        let text = format!(r#"{{"1": {node}, "2": {{"class_type": "KSampler", "inputs": {{"seed": 1}}}}}}"#);
        Origin::of(&Embedded::Text { text: text.into_bytes(), cut: false })
    };
    let counter = graph(r#"{"class_type": "Frame Counter (Simple) [Dream]", "inputs": {"frames_per_second": 15}}"#);
    let video = graph(r#"{"class_type": "VHS_VideoCombine", "inputs": {"frame_rate": 8}}"#);
    let stamp = Stamps { frame: Some(30), time: Some("00:00:01:00".to_owned()), ..Stamps::default() };
    let stamp = Origin::of(&Embedded::Stamps(stamp));
    let dir = Path::new("/render/12fps");
    let of = |origins: &[Origin], settings: Option<&str>| {
        let found = RateEvidence::of(origins, settings.map(rate)).rate(dir, &pattern()).unwrap();
        (found.rate.to_string(), found.source)
    };
    let all = [stamp, video, counter];
    assert_eq!(of(&all, Some("20")), ("20".to_owned(), RateSource::Settings));
    assert_eq!(of(&all, None), ("15".to_owned(), RateSource::Counter));
    assert_eq!(of(&all[..2], None), ("8".to_owned(), RateSource::VideoNode));
    assert_eq!(of(&all[..1], None), ("30".to_owned(), RateSource::Stamps));
    assert_eq!(of(&[], None).0, "12");
    assert_eq!(RateEvidence::default().rate(Path::new("/render"), &pattern()), None);
}

proptest! {
    /// Whatever the rate, stamps never say another whole one than the true one once two seconds are there.
    #[test]
    fn stamps_are_never_of_another_whole_rate(fps in 1i64..=240, first in 0i64..5000, step in 1i64..20) {
        let numbers = (0..4 * fps).map(|at| first + at * step).filter(|number| *number >= 2 * fps);
        if let Some(found) = stamped(numbers, (fps, 1)) {
            prop_assert_eq!(found, rate(&fps.to_string()));
        }
    }

    #[test]
    fn any_name_is_answered(name in prop::collection::vec(any::<u8>(), 0..40), time in "\\PC{0,20}", number: i64) {
        let _ = of_texts([name.as_slice()]);
        let _ = TimeStamp::of(number, &time).map(Range::of).and_then(Range::rate);
    }
}
