//! PNG's five filters, undone in place.
//!
//! <https://www.w3.org/TR/png-3/#9Filters>

use std::array;

/// Bytes that are added at once.
const WIDE: usize = 32;

/// Turns `rows`, each `row` bytes behind the number of its filter, into those bytes alone. `pixel` is how many bytes a
/// pixel has. `false`, with whatever contents, where there is no such filter.
pub(super) fn unfilter(rows: &mut Vec<u8>, row: usize, pixel: usize) -> bool {
    match pixel {
        1 => of::<1>(rows, row),
        2 => of::<2>(rows, row),
        3 => of::<3>(rows, row),
        4 => of::<4>(rows, row),
        6 => of::<6>(rows, row),
        8 => of::<8>(rows, row),
        _ => false,
    }
}

fn of<const N: usize>(rows: &mut Vec<u8>, row: usize) -> bool {
    let count = rows.len() / (row + 1);
    // Above the first row everything counts as zero.
    let zeros = vec![0; row];
    for index in 0..count {
        let (from, to) = (index * (row + 1), index * row);
        let filter = rows[from];
        // Closing the gap while the row is in the cache anyway.
        rows.copy_within(from + 1..from + 1 + row, to);
        let (done, rest) = rows.split_at_mut(to);
        let above = if index == 0 { &zeros } else { &done[to - row..] };
        let line = rest[..row].as_chunks_mut::<N>().0;
        let above = above.as_chunks::<N>().0;
        match filter {
            0 => {}
            1 => sub(line),
            2 => up(line.as_flattened_mut(), above.as_flattened()),
            3 => average(line, above),
            4 => paeth(line, above),
            _ => return false,
        }
    }
    rows.truncate(count * row);
    true
}

fn sub<const N: usize>(line: &mut [[u8; N]]) {
    let mut left = [0_u8; N];
    for pixel in line {
        for (value, left) in pixel.iter_mut().zip(left) {
            *value = value.wrapping_add(left);
        }
        left = *pixel;
    }
}

fn up(line: &mut [u8], above: &[u8]) {
    let ((line, last), (above, last_above)) = (line.as_chunks_mut::<WIDE>(), above.as_chunks::<WIDE>());
    for (values, above) in line.iter_mut().zip(above) {
        // A whole array before any of it is written: value by value, the compiler cannot tell that the two rows do not
        // overlap, and adds bytes one at a time.
        *values = array::from_fn(|at| values[at].wrapping_add(above[at]));
    }
    for (value, above) in last.iter_mut().zip(last_above) {
        *value = value.wrapping_add(*above);
    }
}

fn average<const N: usize>(line: &mut [[u8; N]], above: &[[u8; N]]) {
    let mut left = [0_u8; N];
    for (pixel, above) in line.iter_mut().zip(above) {
        for ((value, left), above) in pixel.iter_mut().zip(left).zip(above) {
            *value = value.wrapping_add(left.midpoint(*above));
        }
        left = *pixel;
    }
}

fn paeth<const N: usize>(line: &mut [[u8; N]], above: &[[u8; N]]) {
    let (mut left, mut corner) = ([0; N], [0; N]);
    for (pixel, above) in line.iter_mut().zip(above) {
        for channel in 0..N {
            let above = i16::from(above[channel]);
            pixel[channel] = pixel[channel].wrapping_add(predict(left[channel], above, corner[channel]));
            left[channel] = i16::from(pixel[channel]);
            corner[channel] = above;
        }
    }
}

/// Whichever of the three is nearest to `left + above - corner`, the first of equals. In this form, without distances,
/// it needs neither branches nor absolute values.
#[inline]
fn predict(left: i16, above: i16, corner: i16) -> u8 {
    let (low, high) = (left.min(above), left.max(above));
    let middle = 3 * corner - (left + above);
    let nearest = if high <= middle { low } else { corner };
    let nearest = if middle <= low { high } else { nearest };
    // All three are bytes.
    nearest.to_le_bytes()[0]
}
