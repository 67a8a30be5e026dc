//! reeld turns image sequences into verified videos.
//!
//! It is a daemon: it watches the folders that renderers and generators write to, encodes while the frames come, knows when
//! a numbered sequence is finished, and makes one video of it that is exact, verified, never written over anything, and
//! ready moments after the last frame. Then, if asked to, it removes the frames. This page is the map; each module opens with
//! what it owns and what it never does.
//!
//! # Words
//!
//! | word | meaning |
//! | --- | --- |
//! | frame | one image file whose name carries its place in a sequence |
//! | root | a folder that the config names, watched with everything below it |
//! | sequence | frames of one folder, or of folders that follow each other, that belong together; [`sequence::group`] says how that is decided |
//! | name family | the names of one folder that are equal but for their runs of digits; whether such a run is the number, a date or text is decided for all of them together |
//! | prefix, suffix | what a pattern has before the first thing that varies, and after the last |
//! | stem | a file's name without its extension |
//! | film | a sequence that shows something in motion, as opposed to stills, single pictures under one counter |
//! | run | the frames that a generator made in one go |
//! | generator, maker | the program that made the frames; a generator has a row in [`sequence::generator`], a maker may be anybody |
//! | folder's file | `reeld.toml` beside the frames, which says otherwise than the config for the videos of its folder |
//! | marker | what says that a sequence is finished: a file, a number, a word from a client, embedded metadata |
//! | batch | the frozen, ordered list of frames of a sequence that becomes one video, each frame with its identity |
//! | identity | device, inode, size and modification time in nanoseconds: the very file that was seen |
//! | contents | what was read of a file: a hash of its bytes, and when it had last changed in any way |
//! | chunk | consecutive frames of a batch, encoded as one closed-GOP file, which is decoded without any other |
//! | video | what people get. `Reel` may stay as a type's name in the code; users never read that word |
//! | recipe | codec, pixel format, rate control and container: what a preset's name stands for |
//! | encoder family | encoders that take quality, speed and threads the same way |
//! | fingerprint | the small grid of means by which a decoded picture is told from another; [`encode::fingerprint`] is for proofs, [`frame::fingerprint`] tells films from stills |
//! | anomaly | anything that makes a batch less than perfect: a missing number, another size, an unreadable frame, a frame written over. Frames of such a batch stay |
//!
//! # The way of a frame
//!
//! ```text
//!  disk ──► watch ──► sequence ──► encode ──► deliver ──► disk
//!           folders    which frame   pixels,     the free name,
//!           that       belongs       chunks,     publish,
//!           changed    where; when   proofs      clean up
//!                      it is done
//!               └──── core decides; daemon carries out on threads ────────┘
//!                      journal beside it        serve in front of it
//! ```
//!
//! A sequence that grows is encoded and proved meanwhile, chunk by chunk; when it is finished, what it lacks is encoded,
//! and the chunks are joined. A short one is one file from the start. The code between frames and a proved file is the same.
//!
//! [`watch`] marks folders dirty and reads them. [`sequence`] turns names into sequences and decides when one is
//! finished. [`encode`] decodes each frame with [`frame`], feeds FFmpeg with pixels, proves the result, and joins chunks.
//! [`deliver`] publishes the video under a free name and then, if asked to, removes the frames. [`journal`] remembers every
//! step. [`pipeline`] takes one batch through all of that. [`core`] knows when, and decides everything that is decided while a
//! daemon runs; [`daemon`] is the shell that tells it what happens and does what it says, [`serve`] its socket, [`cli`]
//! everything a person types and reads.
//! Imports run downward only, in this order; modules between commas do not import each other. A test reads them.
//!
//! ```text
//! cli > serve > daemon > core > pipeline > journal > encode, deliver, watch > config > frame > sequence > files > error > text > model, starting, fault
//! ```
//!
//! Loops over pixels are in a crate of their own, [`reeld_pixels`], which tests optimise; [`frame`] and [`encode`] hand its modules
//! on.
//!
//! [`error`] has the trait of everything that can fail, and the one printer of its causes; [`files`] what must be done in one way
//! wherever it is done; [`model`] the data that all share; [`text`] the words for people.
//!
//! # What never happens
//!
//! 1. FFmpeg never opens a frame file. Frames are decoded by reeld, foreign formats in processes of their own, and reach
//!    FFmpeg as pixels on its standard input, so that no file name, gap, empty or torn frame can cut or corrupt a video unseen.
//! 2. No existing file is overwritten or truncated. A video appears under its final name whole, or not at all.
//! 3. A frame is removed in one place only ([`deliver::cleanup`]), only after its video is verified, published, synced and
//!    recorded, only if the contents of the video are still those that were verified, and only if the frame is still the
//!    very file that was encoded.
//! 4. A batch with an anomaly keeps its frames, whatever `cleanup` says, unless the config says so in as many words.
//! 5. Silence says nothing about files that were there before their root was first watched.
//! 6. [`core`] and [`sequence`] perform no I/O and never read the clock: events and `now` go in, effects come out.
//! 7. A failed or partial scan never finishes, forgets or shrinks a sequence. A root that is not the disk it was is not
//!    scanned.
//! 8. No queue of file events can overflow: the watcher marks folders dirty, and reading the folder is the truth.
//! 9. Only [`journal`] writes state, and a chunk that it does not know is not used. Losing the journal costs work, never a
//!    frame and never a video.
//! 10. Only [`encode`] starts FFmpeg; every argument is a separate argv entry; nothing goes through a shell.
//! 11. Success is proved, not reported: exit status 0 counts for nothing without the frame count, the timing and the
//!     pixels.
//!
//! # Where to start reading
//!
//! [`pipeline::run`] is one batch from frames to video, top to bottom; `core::live` decides what is encoded of it before.
//! [`sequence::group`] has the page that says how names become sequences, [`sequence::film`] the one that says what is a film,
//! and [`sequence::tracker`] is how a sequence becomes a batch, with a drawing of the states of a sequence. [`encode::chunk`] has
//! a drawing of the threads of one encode, and says who ends whom. [`core`] is what decides around all of them:
//! `Core::handle` takes each event in, and `core/simulation.rs` runs it without a disk.

pub mod cli;
pub mod config;
pub mod core;
pub mod daemon;
pub mod deliver;
pub mod encode;
pub mod error;
pub(crate) mod fault;
pub mod files;
pub mod frame;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod journal;
pub mod model;
pub mod pipeline;
pub mod sequence;
pub mod serve;
pub(crate) mod starting;
pub mod text;
pub mod watch;
