//! Lies about a film: what somebody makes of honestly decoded frames.
//!
//! Owns the lies, and how far two frames are apart. Whether a proof refuses them is for tests.

#![expect(clippy::cast_precision_loss, reason = "places and sums in small pictures are far below 2^52")]

/// The size of the films, in pixels.
pub const SIZE: (u32, u32) = (320, 180);

/// Raw frames of 4:2:0, as they were decoded.
pub type Film = Vec<Vec<u8>>;

/// What somebody makes of a film.
type Tell = Box<dyn Fn(&Film) -> Film>;

/// Y, U and V of red.
const RED: [u8; 3] = [63, 102, 240];

/// The sum of the squares of the differences.
#[must_use]
pub fn squares_between(one: &[u8], other: &[u8]) -> f64 {
    one.iter().zip(other).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum()
}

/// What somebody makes of decoded frames.
pub struct Lie {
    /// Its name.
    pub name: String,
    /// Whether it must be refused wherever it changes anything that can be told apart.
    pub gross: bool,
    /// Tells it about a film of [`SIZE`].
    pub tell: Tell,
}

/// How many values of luma a frame has.
#[must_use]
pub fn luma_size() -> usize {
    (SIZE.0 * SIZE.1) as usize
}

/// Changes each pixel of a frame by its place in its plane: `change(plane, x, y, value)`.
fn pixels(frame: &[u8], change: impl Fn(usize, usize, usize, u8) -> u8) -> Vec<u8> {
    let mut out = frame.to_vec();
    for (plane, (start, width, height)) in planes().into_iter().enumerate() {
        for y in 0..height {
            for x in 0..width {
                let at = start + y * width + x;
                out[at] = change(plane, x, y, frame[at]);
            }
        }
    }
    out
}

/// Takes each pixel from another place: `from(x, y)` in parts of the width and height.
fn moved(frame: &[u8], from: impl Fn(f64, f64) -> (f64, f64)) -> Vec<u8> {
    let mut out = frame.to_vec();
    for (start, width, height) in planes() {
        for y in 0..height {
            for x in 0..width {
                let (u, v) = from((x as f64 + 0.5) / width as f64, (y as f64 + 0.5) / height as f64);
                out[start + y * width + x] = sample(&frame[start..start + width * height], width, height, u, v);
            }
        }
    }
    out
}

fn upside_down(frame: &[u8]) -> Vec<u8> {
    let rows = planes().map(|(start, width, height)| frame[start..start + width * height].rchunks(width));
    rows.into_iter().flatten().flatten().copied().collect()
}

fn mirrored(frame: &[u8]) -> Vec<u8> {
    let mut out = frame.to_vec();
    for (start, width, height) in planes() {
        out[start..start + width * height].chunks_mut(width).for_each(<[u8]>::reverse);
    }
    out
}

fn sample(plane: &[u8], width: usize, height: usize, u: f64, v: f64) -> u8 {
    let (x, y) = (
        (u * width as f64 - 0.5).clamp(0.0, width as f64 - 1.0),
        (v * height as f64 - 0.5).clamp(0.0, height as f64 - 1.0),
    );
    let (left, top) = (x.floor(), y.floor());
    let at = |dx: f64, dy: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the plane")]
        let (x, y) = (((left + dx) as usize).min(width - 1), ((top + dy) as usize).min(height - 1));
        f64::from(plane[y * width + x])
    };
    let (right, down) = (x - left, y - top);
    let upper = at(0.0, 0.0) * (1.0 - right) + at(1.0, 0.0) * right;
    let lower = at(0.0, 1.0) * (1.0 - right) + at(1.0, 1.0) * right;
    byte(upper * (1.0 - down) + lower * down)
}

fn byte(value: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let byte = value.round().clamp(0.0, 255.0) as u8;
    byte
}

fn planes() -> [(usize, usize, usize); 3] {
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let chroma = width / 2 * (height / 2);
    [(0, width, height), (width * height, width / 2, height / 2), (width * height + chroma, width / 2, height / 2)]
}

fn box_blur(frame: &[u8], radius: usize) -> Vec<u8> {
    let mut out = frame.to_vec();
    for _ in 0..2 {
        let before = out.clone();
        for (start, width, height) in planes() {
            let radius = if start == 0 { radius } else { radius.div_ceil(2) };
            for y in 0..height {
                for x in 0..width {
                    let rows = y.saturating_sub(radius)..(y + radius + 1).min(height);
                    let columns = x.saturating_sub(radius)..(x + radius + 1).min(width);
                    let count = rows.len() * columns.len();
                    let sum: usize = rows
                        .flat_map(|row| &before[start + row * width + columns.start..start + row * width + columns.end])
                        .map(|value| usize::from(*value))
                        .sum();
                    out[start + y * width + x] =
                        u8::try_from((sum + count / 2) / count).expect("a mean of bytes is a byte");
                }
            }
        }
    }
    out
}

/// A box of a colour with sides of `side` pixels.
fn boxed(frame: &[u8], side: usize, colour: [u8; 3]) -> Vec<u8> {
    pixels(frame, |plane, x, y, value| {
        let scale = if plane == 0 { 1 } else { 2 };
        let (x, y) = (x * scale, y * scale);
        if (60..60 + side).contains(&x) && (40..40 + side).contains(&y) { colour[plane] } else { value }
    })
}

fn each(change: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Tell {
    Box::new(move |film| film.iter().map(|frame| change(frame)).collect())
}

fn order(place: impl Fn(usize, usize) -> usize + 'static) -> Tell {
    Box::new(move |film| (0..film.len()).map(|at| film[place(at, film.len())].clone()).collect())
}

/// Changes each value by its plane.
fn values(change: impl Fn(usize, f64) -> f64 + 'static) -> Tell {
    let table = |plane| (0..=255).map(|value| byte(change(plane, f64::from(value)))).collect();
    let tables: [Vec<u8>; 3] = std::array::from_fn(table);
    each(move |frame| pixels(frame, |plane, _, _, value| tables[plane][usize::from(value)]))
}

/// Changes one frame.
fn ninth(change: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Tell {
    Box::new(move |film| {
        let change = |(at, frame): (usize, &Vec<u8>)| if at == 9 { change(frame) } else { frame.clone() };
        film.iter().enumerate().map(change).collect()
    })
}

/// Turns and scales colours.
fn turned(degrees: f64, scale: f64) -> Tell {
    let (sin, cos) = degrees.to_radians().sin_cos();
    each(move |frame| {
        let mut out = frame.to_vec();
        let [_, (u, width, height), (v, ..)] = planes();
        for at in 0..width * height {
            let (cb, cr) = (f64::from(frame[u + at]) - 128.0, f64::from(frame[v + at]) - 128.0);
            out[u + at] = byte(128.0 + scale * (cb * cos - cr * sin));
            out[v + at] = byte(128.0 + scale * (cb * sin + cr * cos));
        }
        out
    })
}

/// Luma and chroma of BT.601 of the colours that BT.709 would show.
fn bt601(frame: &[u8]) -> Vec<u8> {
    let mut out = frame.to_vec();
    let [(_, wide, _), (u, width, height), (v, ..)] = planes();
    for y in 0..height {
        for x in 0..width {
            let (cb, cr) = (f64::from(frame[u + y * width + x]) - 128.0, f64::from(frame[v + y * width + x]) - 128.0);
            out[u + y * width + x] = byte(128.0 + 0.990 * cb - 0.111 * cr);
            out[v + y * width + x] = byte(128.0 - 0.072 * cb + 0.984 * cr);
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let at = (2 * y + dy) * wide + 2 * x + dx;
                out[at] = byte(f64::from(frame[at]) + 0.101 * cb + 0.196 * cr);
            }
        }
    }
    out
}

fn swapped(frame: &[u8]) -> Vec<u8> {
    let [_, (u, width, height), (v, ..)] = planes();
    [&frame[..u], &frame[v..v + width * height], &frame[u..v]].concat()
}

fn titled(frame: &[u8]) -> Vec<u8> {
    pixels(frame, |plane, x, y, value| {
        let scale = if plane == 0 { 1 } else { 2 };
        let (x, y) = (x * scale, y * scale);
        let ink = (150..162).contains(&y) && (100..220).contains(&x) && x / 4 % 2 == 0;
        if ink { [235, 128, 128][plane] } else { value }
    })
}

fn mean_grey(film: &Film) -> Film {
    let luma = film.iter().flat_map(|frame| &frame[..luma_size()]);
    let mean = luma.map(|value| u64::from(*value)).sum::<u64>() / (luma_size() * film.len()) as u64;
    let mean = u8::try_from(mean).expect("a mean of bytes is a byte");
    film.iter().map(|frame| pixels(frame, |plane, _, _, _| if plane == 0 { mean } else { 128 })).collect()
}

const GROSS: bool = true;
const FINE: bool = false;

fn lie(name: impl Into<String>, gross: bool, tell: Tell) -> Lie {
    Lie { name: name.into(), gross, tell }
}

/// Other pictures, or the same in another order. `other` is another film.
fn of_order(other: Film) -> Vec<Lie> {
    let exchanged = |one: usize, next: usize| {
        order(move |at, _| match at {
            at if at == one => next,
            at if at == next => one,
            at => at,
        })
    };
    vec![
        lie("black", GROSS, values(|plane, _| if plane == 0 { 16.0 } else { 128.0 })),
        lie("mean grey", GROSS, Box::new(mean_grey)),
        lie("another film", GROSS, Box::new(move |film| other[..film.len()].to_vec())),
        lie("frozen on the first", GROSS, order(|_, _| 0)),
        lie("frozen from the middle", GROSS, order(|at, count| at.min(count / 2))),
        lie("the last six frozen", FINE, order(|at, count| at.min(count - 6))),
        lie("reversed", GROSS, order(|at, count| count - 1 - at)),
        lie("neighbours swapped", GROSS, exchanged(9, 10)),
        lie("swapped at nine", GROSS, exchanged(5, 14)),
        lie("late by one", GROSS, order(|at, _| at.saturating_sub(1))),
        lie("early by one", GROSS, order(|at, count| (at + 1).min(count - 1))),
        lie("one doubled", FINE, order(|at, _| if at == 10 { 9 } else { at })),
        lie("pairs doubled", GROSS, order(|at, _| at / 2 * 2)),
    ]
}

/// Other brightness and colours.
fn of_colour() -> Vec<Lie> {
    let luma = |change: fn(f64, f64) -> f64, by: f64| {
        values(move |plane, value| if plane == 0 { change(value, by) } else { value })
    };
    let brighter = |by: f64| lie(format!("brighter by {by}"), FINE, luma(|value, by| value + by, by));
    let flatter = |by: f64| lie(format!("contrast {by}"), FINE, luma(|value, by| 126.0 + by * (value - 126.0), by));
    let mut all: Vec<Lie> = [2.0, 4.0, 8.0, 16.0, 26.0].map(brighter).into();
    all.extend([0.98, 0.95, 0.9, 0.8].map(flatter));
    all.extend([0.0, 0.5, 0.8].map(|scale| lie(format!("saturation {scale}"), scale == 0.0, turned(0.0, scale))));
    all.extend([10.0, 30.0, 90.0].map(|degrees| lie(format!("hue {degrees}"), FINE, turned(degrees, 1.0))));
    let stretched = |plane: usize, value: f64| match plane {
        0 => (value - 16.0) * 255.0 / 219.0,
        _ => 128.0 + (value - 128.0) * 255.0 / 224.0,
    };
    let pressed = |plane: usize, value: f64| match plane {
        0 => 16.0 + value * 219.0 / 255.0,
        _ => 128.0 + (value - 128.0) * 224.0 / 255.0,
    };
    all.extend([
        lie("U and V swapped", GROSS, each(swapped)),
        lie("full as limited", GROSS, values(stretched)),
        lie("limited as full", GROSS, values(pressed)),
        lie("BT.601", GROSS, each(bt601)),
        lie(
            "one frame at contrast 0.8",
            FINE,
            ninth(|frame| {
                pixels(frame, |plane, _, _, value| match plane {
                    0 => byte(16.0 + 0.8 * (f64::from(value) - 16.0)),
                    _ => value,
                })
            }),
        ),
    ]);
    all
}

/// Something else in the picture, or the same elsewhere.
fn of_place() -> Vec<Lie> {
    let mut all = Vec::new();
    for radius in [1, 2, 5, 10] {
        all.push(lie(format!("blurred by {radius}"), FINE, each(move |frame| box_blur(frame, radius))));
    }
    for side in [6, 12, 24] {
        all.push(lie(format!("a grey box of {side}"), FINE, each(move |frame| boxed(frame, side, [126, 128, 128]))));
        all.push(lie(format!("a red box of {side}"), FINE, each(move |frame| boxed(frame, side, RED))));
    }
    all.push(lie("a red box of 24 in one frame", FINE, ninth(|frame| boxed(frame, 24, RED))));
    for part in [0.01, 0.03, 0.05] {
        let zoom = move |x: f64, y: f64| (0.5 + (x - 0.5) * (1.0 - part), 0.5 + (y - 0.5) * (1.0 - part));
        all.push(lie(format!("cropped by {part}"), FINE, each(move |frame| moved(frame, zoom))));
    }
    for shift in [1.0, 2.0, 4.0] {
        let shifted = move |x: f64, y: f64| (x - shift / f64::from(SIZE.0), y);
        all.push(lie(format!("shifted by {shift}"), FINE, each(move |frame| moved(frame, shifted))));
    }
    all.push(lie("upside down", GROSS, each(upside_down)));
    all.push(lie("mirrored", GROSS, each(mirrored)));
    all.push(lie("a title", FINE, each(titled)));
    all
}

/// All lies; `other` is another film.
#[must_use]
pub fn lies(other: Film) -> Vec<Lie> {
    [of_order(other), of_colour(), of_place()].into_iter().flatten().collect()
}
