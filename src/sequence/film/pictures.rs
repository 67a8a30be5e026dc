//! What the pictures say: are neighbours alike, and does their order matter?
//!
//! Stills in any order, whatever they show, have the same two expected values: a third of all triples has its outer
//! pictures furthest apart, and distance does not grow with the distance in number. That makes order a witness which
//! does not depend on the kind of picture. The thresholds were fitted on 1,200 sets of real and made-up pictures.

/// How many consecutive pictures are enough.
pub const MEASURED: usize = 24;

/// Cells of one channel of a fingerprint.
const CELLS: usize = 16 * 9;

/// Pictures further apart in number than this say nothing more about order.
const REACH: usize = 8;

/// From this many pictures on, their order can prove something.
const ORDERED: usize = 8;

/// Measures of consecutive pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pictures {
    /// How many.
    pub count: usize,
    /// How much neighbours differ, against how much there is in a picture: the median.
    pub change: f64,
    /// The share of three pictures in a row of which the outer two differ the most.
    pub between: f64,
    /// The rank correlation of how much pictures differ with how far apart they are.
    pub order: f64,
    /// No picture differs from another. Whoever measures looks whether that is so for the whole sequence: a film may stand
    /// still in the middle.
    pub still: bool,
}

impl Pictures {
    /// Measures the fingerprints of consecutive frames, of at most [`MEASURED`] of them. Each is the means of 16 times 9
    /// cells, channel after channel. Nothing can be said about fewer than two, nor about fingerprints of different lengths.
    #[must_use]
    pub fn of(fingerprints: &[&[u8]]) -> Option<Self> {
        let frames = &fingerprints[..fingerprints.len().min(MEASURED)];
        let length = frames.first()?.len();
        if frames.len() < 2 || length == 0 || frames.iter().any(|frame| frame.len() != length) {
            return None;
        }
        let count = frames.len();
        let differences = Differences::between(frames);
        let neighbours = (1..count).map(|next| differences.at(next - 1, next)).collect();
        let contents = frames.iter().map(|frame| deviation(frame)).collect();
        let triples = (2..count).filter(|last| {
            let outer = differences.at(last - 2, *last);
            outer >= differences.at(last - 2, last - 1) && outer >= differences.at(last - 1, *last)
        });
        Some(Self {
            count,
            // Four steps of 255 are what noise and rounding make of a picture that has nothing in it.
            change: median(neighbours) / (4.0 + median(contents)),
            between: ratio(triples.count(), count.saturating_sub(2)),
            order: order(&differences, count),
            still: differences.means.iter().all(|mean| *mean <= 0.0),
        })
    }

    /// Whether the second of two pictures shows something else than the first.
    #[must_use]
    pub fn is_another(one: &[u8], other: &[u8]) -> bool {
        Self::of(&[one, other]).is_some_and(|pictures| pictures.are_unlike())
    }

    pub(super) fn are_alike(&self) -> bool {
        self.change <= 0.10 && !self.have_no_order()
    }

    pub(super) fn are_near(&self) -> bool {
        self.change <= 0.25 && !self.are_alike()
    }

    pub(super) fn are_unlike(&self) -> bool {
        self.change > 0.60
    }

    pub(super) fn are_in_order(&self) -> bool {
        self.count >= ORDERED && self.between >= 0.70 && self.order >= 0.40
    }

    /// Pictures that hardly change have no order to be seen, and need none.
    pub(super) fn have_no_order(&self) -> bool {
        self.count >= ORDERED && self.between < 0.60 && self.order < 0.30 && self.change > 0.03
    }

    /// Whether they are what the pictures of a film are like. A short order must be of near pictures.
    pub(super) fn are_film_like(&self) -> bool {
        self.are_alike() || self.are_in_order() && (self.count >= 12 || self.change <= 0.25)
    }
}

/// How much each two pictures differ.
struct Differences {
    count: usize,
    means: Vec<f64>,
}

impl Differences {
    fn between(frames: &[&[u8]]) -> Self {
        let mean = |one: &[u8], other: &[u8]| {
            let sum: u32 = one.iter().zip(other).map(|(one, other)| u32::from(one.abs_diff(*other))).sum();
            f64::from(sum) / size(one.len())
        };
        let means = frames.iter().flat_map(|one| frames.iter().map(move |other| mean(one, other))).collect();
        Self { count: frames.len(), means }
    }

    fn at(&self, one: usize, other: usize) -> f64 {
        self.means[one * self.count + other]
    }
}

/// The standard deviation of the cells of a picture, in the mean of its channels.
fn deviation(cells: &[u8]) -> f64 {
    let of_channel = |channel: &[u8]| {
        let count = size(channel.len());
        let mean = channel.iter().copied().map(f64::from).sum::<f64>() / count;
        (channel.iter().map(|cell| (f64::from(*cell) - mean).powi(2)).sum::<f64>() / count).sqrt()
    };
    let channels: Vec<f64> = cells.chunks(CELLS).map(of_channel).collect();
    channels.iter().sum::<f64>() / size(channels.len())
}

/// Spearman's correlation of difference with distance; 1 where all differences are equal.
fn order(differences: &Differences, count: usize) -> f64 {
    let pairs = (1..=REACH).flat_map(|apart| (apart..count).map(move |to| (apart, to)));
    let (apart, differ): (Vec<f64>, Vec<f64>) =
        pairs.map(|(apart, to)| (size(apart), differences.at(to - apart, to))).unzip();
    if differ.iter().all(|value| value.total_cmp(&differ[0]).is_eq()) {
        return 1.0;
    }
    correlation(&ranks(&apart), &ranks(&differ))
}

/// The place of each value among all; equal values share the mean of their places.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<usize> = (0..values.len()).collect();
    sorted.sort_by(|one, other| values[*one].total_cmp(&values[*other]));
    let mut ranks = vec![0.0; values.len()];
    let mut place = 0;
    for equal in sorted.chunk_by(|one, other| values[*one].total_cmp(&values[*other]).is_eq()) {
        let rank = size(2 * place + equal.len() - 1) / 2.0;
        for index in equal {
            ranks[*index] = rank;
        }
        place += equal.len();
    }
    ranks
}

fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / size(values.len());
    let (mean_one, mean_other) = (mean(one), mean(other));
    let (mut both, mut squares_one, mut squares_other) = (0.0, 0.0, 0.0);
    for (one, other) in one.iter().zip(other) {
        let (one, other) = (one - mean_one, other - mean_other);
        both += one * other;
        squares_one += one * one;
        squares_other += other * other;
    }
    let scale: f64 = (squares_one * squares_other).sqrt();
    if scale > 0.0 { both / scale } else { 0.0 }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    values.get(low).zip(values.get(high)).map_or(0.0, |(low, high)| f64::midpoint(*low, *high))
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { size(part) / size(whole) }
}

fn size(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
