//! What the values of a picture mean as colours, as its file says, and the way from there to sRGB.
//!
//! Owns the conversion of frames that are not sRGB: an ICC profile (phones and cameras write Display P3 and Adobe RGB), the
//! code points of `cICP`, or the gamma and the primaries of a PNG. Everything after it takes integers for sRGB. Where a file
//! keeps such a thing is for [`super::decode`] to know. Colours beyond sRGB are cut off at its edge, and brightness beyond white
//! (HDR) is not mapped: such a picture is taken as it is, and that is said once a folder.

use std::fmt;
use std::sync::Arc;

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, CmsError, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, TransferCharacteristics, TransformExecutor, TransformOptions, curve_from_gamma,
};

use crate::error::chain;
use crate::frame::FrameErrorKind;
use crate::frame::decode::Pixels;
use crate::frame::note::Note;

/// The longest profile that is looked at. Those of printers have some megabytes.
const LONGEST: usize = 8 << 20;

/// What a file says of its colours.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::frame) enum Coding {
    /// That they are sRGB, or nothing.
    #[default]
    Srgb,
    /// An ICC profile.
    Icc(Vec<u8>),
    /// Code points of ITU-T H.273: primaries and transfer function.
    CodePoints(u8, u8),
    /// The exponent that was used to encode them, 1 for linear light, and the chromaticities of white, red, green and blue,
    /// each as x and y.
    Gamma(f32, Option<[(f32, f32); 4]>),
}

/// The chromaticities of sRGB, ITU-R BT.709: white, red, green, blue.
const SRGB: [(f32, f32); 4] = [(0.3127, 0.329), (0.64, 0.33), (0.3, 0.6), (0.15, 0.06)];

impl Coding {
    /// The gamma and the primaries of a PNG. The gamma of nearly all files, 1/2.2, stands for the curve of sRGB: that is what
    /// their writers mean and what browsers show (PNG, third edition, 13.13).
    pub(in crate::frame) fn of_png(gamma: Option<f32>, chromaticities: Option<[(f32, f32); 4]>) -> Self {
        let near = |one: f32, other: f32, by: f32| (one - other).abs() <= by;
        let is_srgb = |found: &[(f32, f32); 4]| {
            found.iter().zip(&SRGB).all(|(one, other)| near(one.0, other.0, 0.002) && near(one.1, other.1, 0.002))
        };
        let gamma = gamma.filter(|gamma| *gamma > 0.0 && !near(*gamma, 0.45455, 0.005));
        match (gamma, chromaticities.filter(|found| !is_srgb(found))) {
            (None, None) => Self::Srgb,
            (gamma, chromaticities) => Self::Gamma(gamma.unwrap_or(0.45455), chromaticities),
        }
    }

    /// The profile that stands for it; nothing for sRGB. An error says why it cannot be used.
    fn profile(&self) -> Result<Option<ColorProfile>, String> {
        let mut profile = ColorProfile::new_srgb();
        match self {
            Self::Icc(bytes) if bytes.len() > LONGEST => return Err("its colour profile is too long".into()),
            Self::Icc(bytes) => {
                return ColorProfile::new_from_slice(bytes)
                    .map(Some)
                    .map_err(|error| format!("its colour profile cannot be read: {}", chain(&error)));
            }
            Self::Srgb | Self::CodePoints(1, 1 | 6 | 13 | 14 | 15) => return Ok(None),
            Self::CodePoints(_, 16 | 18) => return Err("its colours are HDR (PQ or HLG)".into()),
            Self::CodePoints(primaries, transfer) => {
                let of = || {
                    Some(CicpProfile {
                        color_primaries: CicpColorPrimaries::try_from(*primaries).ok()?,
                        transfer_characteristics: TransferCharacteristics::try_from(*transfer).ok()?,
                        matrix_coefficients: MatrixCoefficients::Identity,
                        full_range: true,
                    })
                };
                let unknown = || format!("its colours have the unknown code points {primaries} and {transfer} (cICP)");
                profile = ColorProfile::new_from_cicp(of().ok_or_else(unknown)?);
                if profile.red_trc.is_none() {
                    return Err(unknown());
                }
            }
            Self::Gamma(gamma, chromaticities) => {
                profile.cicp = None;
                if let Some([white, red, green, blue]) = *chromaticities {
                    let of = |(x, y): (f32, f32)| Chromaticity::new(x, y);
                    let primaries = ColorPrimaries { red: of(red), green: of(green), blue: of(blue) };
                    profile.update_rgb_colorimetry(of(white).to_xyyb(), primaries);
                }
                // Where the gamma is the usual one, the curve of sRGB stays.
                if (gamma - 0.45455).abs() > 0.005 {
                    let curve = Some(curve_from_gamma(1.0 / gamma));
                    (profile.red_trc, profile.green_trc) = (curve.clone(), curve.clone());
                    profile.blue_trc = curve;
                }
            }
        }
        Ok(Some(profile))
    }
}

/// The way to sRGB for the frames of one sequence, which share their profile: made once.
#[derive(Debug, Default)]
pub(in crate::frame) struct ToSrgb {
    from: Coding,
    conversion: Option<Conversion>,
    /// Why the values are taken as they are.
    doubt: Option<Note>,
}

impl ToSrgb {
    /// The pixels of a file whose colours are coded as `coding` says, as sRGB. Floating point is linear light in
    /// the primaries of sRGB, whatever the file says. What is to be said of it is added to `notes`.
    pub(in crate::frame) fn convert(
        &mut self,
        pixels: Pixels,
        coding: Coding,
        notes: &mut Vec<Note>,
    ) -> Result<Pixels, FrameErrorKind> {
        if coding == Coding::Srgb {
            return Ok(pixels);
        }
        if coding != self.from {
            let conversion = coding.profile().and_then(|profile| profile.map_or(Ok(None), Conversion::of));
            (self.conversion, self.doubt) = match conversion {
                Ok(conversion) => (conversion, None),
                Err(why) => {
                    let doubt = format!("{why}; its values are taken for sRGB, also those of other files like it");
                    (None, Some(Note::Doubt(doubt)))
                }
            };
            self.from = coding;
        }
        notes.extend(self.doubt.clone());
        match &mut self.conversion {
            Some(conversion) => {
                conversion.apply(pixels).map_err(|error| FrameErrorKind::Decode(chain(&error).to_string()))
            }
            None => Ok(pixels),
        }
    }
}

/// From the colours of a profile to sRGB.
#[derive(Debug)]
struct Conversion {
    profile: ColorProfile,
    /// By whether there is alpha.
    eight: Made<u8>,
    sixteen: Made<u16>,
}

/// The transforms that were asked for, by whether there is alpha.
struct Made<T>([Option<Arc<dyn TransformExecutor<T> + Send + Sync>>; 2]);

impl<T> Default for Made<T> {
    fn default() -> Self {
        Self([None, None])
    }
}

impl<T> fmt::Debug for Made<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(Option::is_some)).finish()
    }
}

/// A value of a channel.
trait Value: Copy + Default {
    fn transform(
        from: &ColorProfile,
        from_layout: Layout,
        to_layout: Layout,
    ) -> Result<Arc<dyn TransformExecutor<Self> + Send + Sync>, CmsError>;
}

impl Value for u8 {
    fn transform(
        from: &ColorProfile,
        from_layout: Layout,
        to_layout: Layout,
    ) -> Result<Arc<dyn TransformExecutor<Self> + Send + Sync>, CmsError> {
        from.create_transform_8bit(from_layout, &ColorProfile::new_srgb(), to_layout, TransformOptions::default())
    }
}

impl Value for u16 {
    fn transform(
        from: &ColorProfile,
        from_layout: Layout,
        to_layout: Layout,
    ) -> Result<Arc<dyn TransformExecutor<Self> + Send + Sync>, CmsError> {
        from.create_transform_16bit(from_layout, &ColorProfile::new_srgb(), to_layout, TransformOptions::default())
    }
}

impl Conversion {
    /// Nothing where the profile is that of sRGB, by whatever name: a conversion would cost time, and may be off by one. Nothing
    /// either for the inks of a printer, of which the decoder has made RGB.
    fn of(profile: ColorProfile) -> Result<Option<Self>, String> {
        let gray = profile.color_space == DataColorSpace::Gray;
        if !gray && profile.color_space != DataColorSpace::Rgb {
            return Ok(None);
        }
        let mut conversion = Self { profile, eight: Made::default(), sixteen: Made::default() };
        let steps: Vec<u8> = (0..=255).step_by(17).collect();
        let (probe, same) = if gray {
            (Pixels::Gray8(steps.clone()), steps.iter().flat_map(|step| [*step; 3]).collect::<Vec<u8>>())
        } else {
            let of_red =
                |red: u8| steps.iter().flat_map(|g| steps.iter().map(|b| [*g, *b])).map(move |[g, b]| [red, g, b]);
            let colors: Vec<u8> = steps.iter().flat_map(|red| of_red(*red)).flatten().collect();
            (Pixels::Rgb8(colors.clone()), colors)
        };
        let shown =
            conversion.apply(probe).map_err(|error| format!("its colour profile cannot be used: {}", chain(&error)))?;
        let is_near = |(one, other): (&u8, &u8)| one.abs_diff(*other) <= 2;
        let is_srgb = matches!(&shown, Pixels::Rgb8(shown) if shown.iter().zip(&same).all(is_near));
        Ok((!is_srgb).then_some(conversion))
    }

    fn apply(&mut self, pixels: Pixels) -> Result<Pixels, CmsError> {
        let Self { profile, eight, sixteen } = self;
        let gray = profile.color_space == DataColorSpace::Gray;
        Ok(match pixels {
            Pixels::Gray8(v) if gray => Pixels::Rgb8(eight.apply(profile, &v, Layout::Gray, Layout::Rgb)?),
            Pixels::GrayAlpha8(v) if gray => {
                Pixels::Rgba8(eight.apply(profile, &v, Layout::GrayAlpha, Layout::Rgba)?)
            }
            Pixels::Gray16(v) if gray => Pixels::Rgb16(sixteen.apply(profile, &v, Layout::Gray, Layout::Rgb)?),
            Pixels::GrayAlpha16(v) if gray => {
                Pixels::Rgba16(sixteen.apply(profile, &v, Layout::GrayAlpha, Layout::Rgba)?)
            }
            // A profile that is not that of its pixels says nothing about them; neither does any about linear light.
            pixels if gray => pixels,
            pixels @ (Pixels::RgbF32(_) | Pixels::RgbaF32(_)) => pixels,
            Pixels::Rgb8(v) => Pixels::Rgb8(eight.apply(profile, &v, Layout::Rgb, Layout::Rgb)?),
            Pixels::Rgba8(v) => Pixels::Rgba8(eight.apply(profile, &v, Layout::Rgba, Layout::Rgba)?),
            Pixels::Rgb16(v) => Pixels::Rgb16(sixteen.apply(profile, &v, Layout::Rgb, Layout::Rgb)?),
            Pixels::Rgba16(v) => Pixels::Rgba16(sixteen.apply(profile, &v, Layout::Rgba, Layout::Rgba)?),
            Pixels::Gray8(v) => Pixels::Rgb8(eight.apply(profile, &tripled(&v), Layout::Rgb, Layout::Rgb)?),
            Pixels::Gray16(v) => Pixels::Rgb16(sixteen.apply(profile, &tripled(&v), Layout::Rgb, Layout::Rgb)?),
            Pixels::GrayAlpha8(v) => {
                Pixels::Rgba8(eight.apply(profile, &with_alpha(&v), Layout::Rgba, Layout::Rgba)?)
            }
            Pixels::GrayAlpha16(v) => {
                Pixels::Rgba16(sixteen.apply(profile, &with_alpha(&v), Layout::Rgba, Layout::Rgba)?)
            }
        })
    }
}

fn tripled<T: Copy>(gray: &[T]) -> Vec<T> {
    gray.iter().flat_map(|value| [*value; 3]).collect()
}

fn with_alpha<T: Copy>(gray: &[T]) -> Vec<T> {
    gray.as_chunks::<2>().0.iter().flat_map(|[value, alpha]| [*value, *value, *value, *alpha]).collect()
}

impl<T: Value> Made<T> {
    fn apply(&mut self, profile: &ColorProfile, values: &[T], from: Layout, to: Layout) -> Result<Vec<T>, CmsError> {
        let slot = &mut self.0[usize::from(to == Layout::Rgba)];
        let transform = match slot {
            Some(transform) => transform,
            None => slot.insert(T::transform(profile, from, to)?),
        };
        let mut out = vec![T::default(); values.len() / from.channels() * to.channels()];
        transform.transform(values, &mut out)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(coding: Coding, pixels: Pixels) -> Pixels {
        ToSrgb::default().convert(pixels, coding, &mut Vec::new()).unwrap()
    }

    fn is_near(found: &Pixels, wanted: &[u8]) -> bool {
        matches!(found, Pixels::Rgb8(v) | Pixels::Rgba8(v) if v.len() == wanted.len()
            && v.iter().zip(wanted).all(|(one, other)| one.abs_diff(*other) <= 1))
    }

    const P3: Coding = Coding::CodePoints(12, 13);

    /// By the matrices of the chromaticities of both, in double precision: 137.7, 59.4, 61.9.
    #[test]
    fn display_p3_is_converted_however_it_is_said() {
        let from = Pixels::Rgb8(vec![128, 64, 64, 200, 200, 200]);
        let wanted = [138, 59, 62, 200, 200, 200];
        let icc = Coding::Icc(ColorProfile::new_display_p3().encode().unwrap());
        let chromaticities = [(0.3127, 0.329), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)];
        for coding in [P3, icc, Coding::of_png(Some(0.45455), Some(chromaticities))] {
            let found = shown(coding.clone(), from.clone());
            assert!(is_near(&found, &wanted), "{coding:?}: {found:?}");
        }
    }

    #[test]
    fn linear_light_is_converted_and_alpha_is_not() {
        let linear = Coding::of_png(Some(1.0), None);
        // 128/255 of the light is 188 in sRGB.
        assert!(is_near(&shown(linear.clone(), Pixels::Rgb8(vec![128, 0, 255])), &[188, 0, 255]));
        assert!(is_near(&shown(linear.clone(), Pixels::Gray8(vec![128])), &[188; 3]));
        assert!(is_near(&shown(linear.clone(), Pixels::GrayAlpha8(vec![128, 7])), &[188, 188, 188, 7]));
        assert!(is_near(&shown(linear.clone(), Pixels::Rgba8(vec![128, 0, 255, 9])), &[188, 0, 255, 9]));
        let Pixels::Rgb16(values) = shown(linear, Pixels::Rgb16(vec![32_768, 0, 65_535])) else { panic!() };
        assert!(values[0].abs_diff(48_192) < 100 && values[1] < 20 && values[2] > 65_500, "{values:?}");
    }

    #[test]
    fn srgb_by_any_name_changes_nothing() {
        let values: Vec<u8> = (0..=255).flat_map(|value: u8| [value, 255 - value, value / 2]).collect();
        let icc = Coding::Icc(ColorProfile::new_srgb().encode().unwrap());
        for coding in [icc, Coding::CodePoints(1, 13), Coding::of_png(Some(0.45455), Some(SRGB)), Coding::Srgb] {
            assert_eq!(shown(coding.clone(), Pixels::Rgb8(values.clone())), Pixels::Rgb8(values.clone()), "{coding:?}");
        }
    }

    #[test]
    fn what_cannot_be_converted_is_taken_as_it_is() {
        let values = vec![1, 2, 3];
        let gray = Coding::Icc(ColorProfile::new_gray_with_gamma(1.0).encode().unwrap());
        for coding in [Coding::CodePoints(9, 16), Coding::CodePoints(99, 99), Coding::Icc(vec![7; 200]), gray] {
            assert_eq!(shown(coding, Pixels::Rgb8(values.clone())), Pixels::Rgb8(values.clone()));
        }
        assert_eq!(shown(P3, Pixels::RgbF32(vec![0.5; 3])), Pixels::RgbF32(vec![0.5; 3]));
    }

    #[test]
    fn a_profile_of_grey_is_used_for_grey() {
        let gray = Coding::Icc(ColorProfile::new_gray_with_gamma(1.0).encode().unwrap());
        assert!(is_near(&shown(gray, Pixels::Gray8(vec![0, 128, 255])), &[0, 0, 0, 188, 188, 188, 255, 255, 255]));
    }
}
