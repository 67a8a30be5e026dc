//! The table of generators. Rows are tried from the first to the last: who writes another one's text, and more, stands before it.

use super::{Counter, Generator, RateFrom, TotalFrom};

/// One generator.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) generator: Generator,
    /// What people call it.
    pub(super) title: &'static str,
    /// Words of which the text in its frames has all of one entry.
    pub(super) texts: &'static [&'static [&'static str]],
    /// What its frames are called, with folders where these belong to it.
    pub(super) names: &'static [&'static str],
    /// Numbered images of its that are no frames.
    pub(super) ignored: &'static [Ignored],
    /// Where its rate comes from. Names say it for all.
    pub(super) rate: &'static [RateFrom],
    /// Where the number of its frames comes from.
    pub(super) total: &'static [TotalFrom],
    /// How it finds the number of its next image, where it reads the names in its folder for that.
    pub(super) counter: Option<Counter>,
    /// Files that it makes in the folder of its frames once all of them are there.
    pub(super) markers: &'static [&'static str],
}

/// Images that are no frames.
#[derive(Debug)]
pub(super) struct Ignored {
    /// What they are called.
    pub(super) shape: &'static str,
    /// What they are.
    pub(super) what: &'static str,
}

/// What fits no other row.
pub(super) const PLAIN: Row = Row {
    generator: Generator::Plain,
    title: "plain frames",
    texts: &[],
    names: &[],
    ignored: &[],
    rate: &[],
    total: &[],
    counter: None,
    markers: &[],
};

pub(super) const TABLE: &[Row] = &[
    Row {
        generator: Generator::Dream,
        title: "ComfyUI with the Dream nodes",
        texts: &[&["\"class_type\"", "[Dream]"]],
        names: &["batch_####/frame_#####.*"],
        ignored: &[],
        rate: &[RateFrom::Text],
        total: &[TotalFrom::Text],
        counter: Some(Counter::AfterPrefix),
        markers: &[],
    },
    Row {
        generator: Generator::Comfyui,
        title: "ComfyUI",
        texts: &[&["\"class_type\"", "\"inputs\""]],
        names: &["*_#####_.*"],
        ignored: &[Ignored { shape: "ComfyUI_temp_?????_#####_.*", what: "previews of the page" }],
        rate: &[RateFrom::Text],
        total: &[TotalFrom::Text],
        counter: Some(Counter::AfterPrefix),
        markers: &[],
    },
    Row {
        generator: Generator::Swarmui,
        title: "SwarmUI",
        texts: &[&["sui_image_params"]],
        names: &["####-##-##/#######-*-*.*"],
        ignored: &[],
        rate: &[],
        total: &[],
        counter: None,
        markers: &[],
    },
    Row {
        generator: Generator::Invokeai,
        title: "InvokeAI",
        texts: &[&["generation_mode", "positive_prompt"], &["\"app_version\"", "positive_prompt"]],
        names: &["outputs/images/????????-????-????-????-????????????.*"],
        ignored: &[],
        rate: &[],
        total: &[],
        counter: None,
        markers: &[],
    },
    Row {
        generator: Generator::Fooocus,
        title: "Fooocus",
        texts: &[&["Fooocus v"]],
        names: &["####-##-##_##-##-##_####.*"],
        ignored: &[],
        rate: &[],
        total: &[],
        counter: None,
        markers: &[],
    },
    Row {
        generator: Generator::Animatediff,
        title: "AnimateDiff",
        texts: &[&["Steps: ", "AnimateDiff: "]],
        names: &["AnimateDiff/*/#####-%/#####.*"],
        ignored: &[Ignored { shape: "AnimateDiff/tmp/*", what: "temporary pictures" }],
        rate: &[],
        total: &[],
        counter: Some(Counter::First),
        markers: &[],
    },
    Row {
        generator: Generator::A1111,
        title: "AUTOMATIC1111",
        texts: &[&["Steps: ", "Sampler: "]],
        names: &["#####-%.*"],
        ignored: &[
            Ignored { shape: "grid-*", what: "grids" },
            Ignored { shape: "*-mask.*", what: "masks" },
            Ignored { shape: "*-mask-composite.*", what: "masks" },
        ],
        rate: &[],
        total: &[],
        counter: Some(Counter::First),
        markers: &[],
    },
    Row {
        generator: Generator::Deforum,
        title: "Deforum",
        texts: &[],
        names: &["##############_#########.*", "##############_#####.*", "##############_depth_*"],
        ignored: &[Ignored { shape: "##############_depth_*", what: "depth maps" }],
        rate: &[RateFrom::Settings],
        total: &[TotalFrom::Settings],
        counter: None,
        markers: &[],
    },
    // Its stamps are no text; its names are whatever the user says.
    Row {
        generator: Generator::Blender,
        title: "Blender",
        texts: &[],
        names: &[],
        ignored: &[],
        rate: &[RateFrom::Text],
        total: &[TotalFrom::Text],
        counter: None,
        markers: &[],
    },
    Row {
        generator: Generator::Octoprint,
        title: "OctoPrint",
        texts: &[],
        names: &["*_##############-%.jpg"],
        ignored: &[],
        rate: &[],
        total: &[],
        counter: None,
        markers: &[],
    },
    Row {
        generator: Generator::Moonraker,
        title: "moonraker-timelapse",
        texts: &[],
        names: &["frame######.jpg"],
        ignored: &[],
        rate: &[],
        total: &[],
        counter: None,
        // Its own video, while FFmpeg writes it there.
        markers: &["timelapse_*.mp4"],
    },
    Row {
        generator: Generator::Motion,
        title: "Motion",
        texts: &[],
        names: &["%-##############-##.jpg"],
        ignored: &[],
        rate: &[],
        total: &[],
        counter: None,
        markers: &[],
    },
    Row {
        generator: Generator::Allsky,
        title: "allsky",
        texts: &[],
        names: &["########/image-##############.jpg"],
        ignored: &[],
        rate: &[],
        total: &[],
        counter: None,
        markers: &[],
    },
    Row {
        generator: Generator::Gphoto,
        title: "gphoto2",
        texts: &[],
        names: &["capt####.*", "##############.jpg"],
        ignored: &[],
        rate: &[],
        total: &[],
        counter: None,
        markers: &[],
    },
    PLAIN,
];
