use proptest::prelude::*;

use super::*;

#[test]
fn grids_divide_where_they_can() {
    let grid = |width, height| {
        let Grid { width, height, is_even } = Grid::of(width, height);
        (width, height, is_even)
    };
    assert_eq!(grid(1920, 1080), (160, 90, true));
    assert_eq!(grid(1280, 720), (160, 90, true));
    assert_eq!(grid(3840, 2160), (160, 90, true));
    assert_eq!(grid(640, 360), (160, 90, true));
    assert_eq!(grid(320, 180), (64, 36, true));
    assert_eq!(grid(512, 512), (128, 128, true));
    assert_eq!(grid(1080, 1920), (90, 160, true));
    assert_eq!(grid(854, 480), (144, 80, false));
    assert_eq!(grid(128, 72), (64, 36, true));
    assert_eq!(grid(16, 16), (16, 16, true));
    assert_eq!(grid(2, 2), (2, 2, true));
}

const LAYOUTS: [Layout; 6] = [
    Layout::Feed(Feed::Yuv420p),
    Layout::Yuv444p,
    Layout::Feed(Feed::Rgb24),
    Layout::Feed(Feed::Rgba),
    Layout::Feed(Feed::Rgb48le),
    Layout::Feed(Feed::Rgba64le),
];

fn of(raw: &[u8], layout: Layout, size: (u32, u32)) -> Layers {
    Layers::of(raw, layout, size)
}

#[test]
fn hidden_colours_do_not_count() {
    let raw: Vec<u8> = (0..64 * 64).flat_map(|at| if at % 2 == 0 { [255, 7, 99, 0] } else { [0, 0, 0, 255] }).collect();
    let Layers { color, alpha } = of(&raw, Layout::Feed(Feed::Rgba), (64, 64));
    assert!(color.luma().iter().all(|luma| *luma == 16));
    assert!(color.chroma().iter().all(|chroma| *chroma == 128));
    assert_eq!(alpha.unwrap().luma()[..2], [0, 255]);
}

#[test]
fn samples_are_means_and_noise_is_what_they_keep_of_it() {
    // Luma of 10 and 30 by turns; chroma 100 and 200.
    let mut raw: Vec<u8> = (0..640 * 360).map(|at| if at % 2 == 0 { 10 } else { 30 }).collect();
    raw.extend(vec![100; 320 * 180]);
    raw.extend(vec![200; 320 * 180]);
    let small = of(&raw, Layout::Feed(Feed::Yuv420p), (640, 360)).color;
    assert!(small.luma().iter().all(|mean| *mean == 20));
    assert_eq!(small.chroma().len(), 2 * 80 * 45);
    assert!(small.chroma().iter().enumerate().all(|(at, mean)| *mean == if at < 80 * 45 { 100 } else { 200 }));
    // A variance of 100 in squares of 16 pixels.
    assert!((small.noise() - 6.25).abs() < 0.01, "{}", small.noise());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_frame_has_a_small_picture(width in 1_u32..400, height in 1_u32..300, length in 0_usize..9000) {
        for layout in LAYOUTS {
            let is_halved = layout == Layout::Feed(Feed::Yuv420p);
            let (width, height) = if is_halved { (2 * width, 2 * height) } else { (width, height) };
            let all = |raw: &[u8]| of(raw, layout, (width, height));
            let torn = all(&vec![7; length]);
            let whole = all(&vec![90; layout.frame_bytes(width, height)]);
            prop_assert_eq!(torn.alpha.is_some(), matches!(layout, Layout::Feed(feed) if feed.has_alpha()));
            for small in [Some(torn.color), torn.alpha, Some(Arc::clone(&whole.color)), whole.alpha].into_iter().flatten() {
                let samples = small.grid().luma() + 2 * small.grid().chroma();
                prop_assert_eq!(small.luma().len() + small.chroma().len(), samples);
            }
            // All pixels are equal; cells without a pixel, of which there are some in frames of one column, are black.
            if width > 1 && height > 1 {
                prop_assert_eq!(whole.color.noise, [0; 2]);
            }
        }
    }
}
