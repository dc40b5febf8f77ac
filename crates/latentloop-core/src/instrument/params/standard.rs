//! Every parameter of the program: what stands here is the table, the OSC addresses, the help, and the constants.
//!
//! Later ones came later: the order is the documents', and takes of other versions are read by name.

use super::declaration::{amount, choice, float, int, params, text, toggle, trigger};
use super::{
    ArmMode, BeatSource, BeatUnit, Family, Fit, LoopMode, Mirror, Param, Quantise, Segments, Text,
    Transition, Trigger, Upscaling,
};
use crate::latent::{Ease, MAX_SEED, Norm, Path};

/// Most keyframes of a loop.
pub const MAX_KEYFRAMES: usize = 64;
/// Presets of the bank.
pub const BANK: usize = 16;
/// Pages of a controller's map.
pub const PAGES: usize = 8;
/// Windows that the audience can be shown.
pub const OUTPUTS: usize = 4;
/// Slots for a performer's own passes.
pub const OWN_PASSES: usize = 4;
/// Knobs of each of a performer's own passes.
pub const OWN_KNOBS: [&str; 4] = ["a", "b", "c", "d"];

/// How the picture meets the screen of each output.
pub const STAGE_FITS: [Param<Fit>; OUTPUTS] = [
    STAGE_FIT,
    STAGE_FIT_N.at(0),
    STAGE_FIT_N.at(1),
    STAGE_FIT_N.at(2),
];
/// The knobs of the performer's own passes, in the order of [`OWN_KNOBS`].
pub const LOOK_OWN_KNOBS: [Family<f64>; OWN_KNOBS.len()] =
    [LOOK_OWN_A, LOOK_OWN_B, LOOK_OWN_C, LOOK_OWN_D];

params! {
    Instrument, Resets => {
        LOOP_POSITION "loop.position": f64 = float(0.0..=MAX_KEYFRAMES as f64, 0.0, "keyframes"),
            "Where the play head stands; taken modulo the loop's length";
        LOOP_SPEED "loop.speed": f64 = float(-8.0..=8.0, 0.3, "keyframes/s").centred(),
            "Pace of the play head; negative walks backwards";
        LOOP_PAUSE "loop.pause": bool = toggle(),
            "Holds the play head";
        LOOP_REVERSE "loop.reverse": bool = toggle(),
            "Turns the play head round";
        LOOP_MODE "loop.mode": LoopMode = choice(),
            "Round and round, or back and forth";
        LOOP_PATH "loop.path": Path = choice(),
            "How latents are interpolated between keyframes";
        LOOP_EASE "loop.ease": Ease = choice(),
            "How evenly a segment is walked";
        LOOP_GLIDE "loop.glide": f64 = float(0.0..=10.0, 0.5, "s").square(),
            "Time that a re-roll or a jump takes; 0 cuts";
        LOOP_HOLD_SECS "loop.hold_secs": f64 = float(0.0..=5.0, 0.25, "s"),
            "How long the play head stands after it was scrubbed";
        LOOP_NORM "loop.norm": Norm = choice(),
            "Batch norm's statistics: running (one row, fast) or batch (eight rows, faithful)";
        LOOP_REROLL "loop.reroll": Trigger = trigger(),
            "New latents for every keyframe that is not locked";
        LOOP_UNDO "loop.undo": Trigger = trigger(),
            "Takes back the last change of a keyframe";
    }
    Instrument, Stays => {
        BEAT_SYNC "beat.sync": bool = toggle(),
            "The loop follows the beat instead of its speed";
        BEAT_TEMPO "beat.tempo": f64 = float(20.0..=300.0, 120.0, "BPM"),
            "Beats a minute; follows the clock where one is followed";
        BEAT_TAP "beat.tap": Trigger = trigger(),
            "Taps the tempo: the median of the last taps";
        BEAT_HALVE "beat.halve": Trigger = trigger(),
            "Halves the tempo";
        BEAT_DOUBLE "beat.double": Trigger = trigger(),
            "Doubles the tempo";
        BEAT_NUDGE "beat.nudge": f64 = float(-1.0..=1.0, 0.0, "beats").unsaved(),
            "Shifts the beat by so much, later or earlier; back at 0 at once";
        BEAT_DOWNBEAT "beat.downbeat": Trigger = trigger(),
            "The first beat of a bar is now";
        BEAT_PER_BAR "beat.per_bar": i64 = int(1..=16, 4, "beats"),
            "Beats of a bar";
        BEAT_UNIT "beat.unit": BeatUnit = choice(),
            "What beat.rate counts in: beats or bars";
        BEAT_RATE "beat.rate": f64 = float(-16.0..=16.0, 1.0, "keyframes").centred(),
            "Keyframes that the loop passes in a beat or a bar; negative walks backwards";
        BEAT_QUANTISE "beat.quantise": Quantise = choice(),
            "Jumps and re-rolls wait for the next beat or bar";
        BEAT_SOURCE "beat.source": BeatSource = choice(),
            "Whose beat it is: our own, MIDI clock's or Ableton Link's";
        BEAT_PHASE "beat.phase": f64 = float(0.0..=1.0, 0.0, "bars").read_only(),
            "How much of the bar has gone";
    }
    Instrument, Resets => {
        SOUND_DEPTH "sound.depth": f64 = float(0.0..=2.0, 1.0, ""),
            "How much of the preset's modulation by sound there is";
    }
    Instrument, Unsaved, 1..=MAX_KEYFRAMES => {
        KEYFRAME_JUMP "keyframe.N.jump": Trigger = trigger(),
            "Brings the play head to this keyframe";
        KEYFRAME_REROLL "keyframe.N.reroll": Trigger = trigger(),
            "New latents for this keyframe";
        KEYFRAME_SEED "keyframe.N.seed": i64 = int(0..=MAX_SEED as i32, 0, "").numbered(),
            "Seed of this keyframe's latents";
        KEYFRAME_LOCK "keyframe.N.lock": bool = toggle(),
            "Re-rolls leave this keyframe alone";
        KEYFRAME_CAPTURE "keyframe.N.capture": Trigger = trigger(),
            "Keeps the present latents as this keyframe";
        KEYFRAME_SWAP "keyframe.N.swap": Trigger = trigger(),
            "Swaps this keyframe with the next";
    }
    Stage, Unsaved => {
        MASTER_FADE "master.fade": f64 = amount(1.0),
            "Brightness of the output, black to full";
        MASTER_BLACKOUT "master.blackout": bool = toggle(),
            "Black until switched off";
        MASTER_FREEZE "master.freeze": bool = toggle(),
            "Holds the picture while the loop goes on";
    }
    Stage, Stays => {
        STAGE_FIT "stage.fit": Fit = choice(),
            "How the picture meets a screen of another shape";
    }
    Host, Unsaved => {
        BEAT_CLOCK_OUT "beat.clock_out": bool = toggle(),
            "Sends MIDI clock";
        RECORD_TOGGLE "record.toggle": Trigger = trigger(),
            "Starts or stops a recording";
        RECORD_KEEP "record.keep": Trigger = trigger(),
            "Keeps what was just played as a take, though nothing was recorded";
        RECORD_KEEP_SECS "record.keep_secs": f64 = float(10.0..=600.0, 60.0, "s"),
            "How much record.keep keeps";
        RECORD_ARM "record.arm": ArmMode = choice(),
            "What record.toggle waits for: nothing, the loop's start or the next bar";
        PRESET_NEXT "preset.next": Trigger = trigger(),
            "Loads the next preset of the folder";
        PRESET_PREVIOUS "preset.previous": Trigger = trigger(),
            "Loads the preset before this one in the folder";
        PRESET_LOAD "preset.load": Text = text(),
            "Loads the preset of that name";
        PRESET_SAVE "preset.save": Text = text(),
            "Saves everything as the preset of that name; with no name, under a new one";
        PRESET_FADE_SECS "preset.fade_secs": f64 = float(0.0..=60.0, 0.0, "s").square(),
            "Time in which one preset becomes the next; 0 cuts";
        WINDOW_FULLSCREEN "window.fullscreen": Trigger = trigger(),
            "Fills the screen, or leaves it";
        WINDOW_LEAVE_FULLSCREEN "window.leave_fullscreen": Trigger = trigger(),
            "Leaves the full screen";
        HUD_TOGGLE "hud.toggle": Trigger = trigger(),
            "Shows or hides the heads-up display";
        HUD_HELP "hud.help": Trigger = trigger(),
            "Shows or hides the table of keys";
        MIDI_UNLEARN "midi.unlearn": Trigger = trigger(),
            "Takes from every control what was learnt for the parameter that is picked";
        MIDI_LEARN "midi.learn": Trigger = trigger(),
            "Shows or hides the table of controls to be learnt";
        MIDI_PAGE "midi.page": i64 = int(1..=PAGES as i32, 1, ""),
            "Page of the controllers' maps";
        MODEL_LOAD "model.load": Text = text(),
            "Loads the model of that name, keeping the loop";
        SHOW_QUIT "show.quit": Trigger = trigger(),
            "Ends the program";
    }
    Host, Unsaved, 1..=BANK => {
        PRESET_BANK "preset.bank.N": Trigger = trigger(),
            "Loads this preset of the bank";
    }
    Stage, Unsaved => {
        LOOK_DRY "look.dry": bool = toggle(),
            "Shows the picture without its look, to compare";
    }
    Instrument, Unsaved => {
        LOOK_RESET "look.reset": Trigger = trigger(),
            "Brings all of the look back to its defaults: the picture as the network draws it";
        MASTER_PANIC "master.panic": Trigger = trigger(),
            "Gets the picture back: look to its defaults, trails gone, fade up, no blackout, no freeze";
    }
    Stage, Resets => {
        LOOK_TILT "look.tilt": f64 = float(-180.0..=180.0, 0.0, "degrees").smoothed().centred(),
            "Turns the picture; its edges are mirrored";
        LOOK_CROP "look.crop": f64 = amount(0.0),
            "Comes closer: the middle of the picture fills all of it";
        LOOK_DISPLACE "look.displace": f64 = amount(0.0),
            "Shifts every point along the picture's own gradient";
        LOOK_MIRROR "look.mirror": Mirror = choice(),
            "Mirrors one half of the picture onto the other";
        LOOK_KALEIDOSCOPE "look.kaleidoscope": Segments = choice(),
            "Mirrors one segment of the picture all around";
        LOOK_KALEIDOSCOPE_TURN "look.kaleidoscope_turn": f64 = float(-180.0..=180.0, 0.0, "degrees").smoothed().centred(),
            "Turns the kaleidoscope's segments";
        LOOK_FEEDBACK "look.feedback": f64 = amount(0.0).fine_high(),
            "How much of the last picture stays";
        LOOK_FEEDBACK_ZOOM "look.feedback_zoom": f64 = float(-2.0..=2.0, 0.0, "octaves/s").smoothed().centred(),
            "The last picture grows or shrinks by so much";
        LOOK_FEEDBACK_ROTATE "look.feedback_rotate": f64 = float(-180.0..=180.0, 0.0, "degrees/s").smoothed().centred(),
            "The last picture turns by so much";
        LOOK_FEEDBACK_DECAY "look.feedback_decay": f64 = amount(0.0),
            "How fast the last picture darkens";
        LOOK_FEEDBACK_HUE "look.feedback_hue": f64 = float(-360.0..=360.0, 0.0, "degrees/s").smoothed().centred(),
            "The last picture's colours turn by so much";
        LOOK_LIFT "look.lift": f64 = float(-0.5..=0.5, 0.0, "").smoothed().centred(),
            "Raises or lowers the dark parts";
        LOOK_GAMMA "look.gamma": f64 = float(0.25..=4.0, 1.0, "").smoothed(),
            "Brightens or darkens the middle tones";
        LOOK_GAIN "look.gain": f64 = float(0.0..=4.0, 1.0, "").smoothed(),
            "Raises or lowers the bright parts";
        LOOK_CONTRAST "look.contrast": f64 = float(0.0..=2.0, 1.0, "").smoothed(),
            "Contrast around middle grey";
        LOOK_SATURATION "look.saturation": f64 = float(0.0..=2.0, 1.0, "").smoothed(),
            "Strength of the colours";
        LOOK_HUE "look.hue": f64 = float(-180.0..=180.0, 0.0, "degrees").smoothed().centred(),
            "Turns the colours";
        LOOK_BLOOM "look.bloom": f64 = amount(0.0),
            "Light around the bright parts";
        LOOK_BLOOM_THRESHOLD "look.bloom_threshold": f64 = amount(0.5),
            "How bright a part must be to bloom";
        LOOK_BLOOM_RADIUS "look.bloom_radius": f64 = amount(0.4),
            "How far bloom reaches";
        LOOK_BLOOM_WARMTH "look.bloom_warmth": f64 = amount(0.0),
            "Turns bloom into the red halation of film";
        LOOK_CHROMATIC "look.chromatic": f64 = amount(0.0),
            "Draws red and blue apart, the more the nearer to the edges";
        LOOK_VIGNETTE "look.vignette": f64 = amount(0.0),
            "Darkens the corners";
        LOOK_GRAIN "look.grain": f64 = amount(0.0),
            "Film grain";
        LOOK_GRAIN_SIZE "look.grain_size": f64 = float(1.0..=8.0, 1.0, "pixels").smoothed(),
            "Size of the grain";
        LOOK_STROBE "look.strobe": f64 = amount(0.0),
            "Darkens every other half of the strobe's period";
        LOOK_STROBE_RATE "look.strobe_rate": f64 = float(0.25..=30.0, 2.0, "Hz").smoothed(),
            "Flashes of the strobe in a second";
        LOOK_LIMITER "look.limiter": bool = toggle().on().unsaved(),
            "Darkens what would flash more than three times in a second (WCAG 2.3.1)";
        LOOK_PALETTE "look.palette": f64 = amount(0.0),
            "Draws the picture with the eight colours of the model's footage";
        LOOK_TRANSITION "look.transition": Transition = choice(),
            "How the picture goes from one keyframe to the next";
        LOOK_TRANSITION_AMOUNT "look.transition_amount": f64 = amount(0.5),
            "How much of the way to the next keyframe the transition takes; how dark a dip is";
    }
    Stage, Resets, 1..=OWN_PASSES => {
        LOOK_OWN_AMOUNT "look.own.N.amount": f64 = amount(0.0),
            "How much of your own pass in this place is seen";
        LOOK_OWN_A "look.own.N.a": f64 = amount(0.5),
            "A knob of your own pass in this place; its file says for what, and from where to where";
        LOOK_OWN_B "look.own.N.b": f64 = amount(0.5),
            "A knob of your own pass in this place; its file says for what, and from where to where";
        LOOK_OWN_C "look.own.N.c": f64 = amount(0.5),
            "A knob of your own pass in this place; its file says for what, and from where to where";
        LOOK_OWN_D "look.own.N.d": f64 = amount(0.5),
            "A knob of your own pass in this place; its file says for what, and from where to where";
    }
    Stage, Resets => {
        STAGE_UPSCALE "stage.upscale": Upscaling = choice(),
            "How the picture is enlarged; auto follows edges where a graphics card draws";
        STAGE_HALATION "stage.halation": f64 = amount(0.0),
            "Red light around highlights, as film has it; at the frame's size";
        STAGE_HALATION_THRESHOLD "stage.halation_threshold": f64 = amount(0.6),
            "How bright a highlight must be for halation";
        STAGE_HALATION_RADIUS "stage.halation_radius": f64 = amount(0.3),
            "How far halation reaches";
        STAGE_GRAIN "stage.grain": f64 = amount(0.0),
            "Film grain at the frame's size, 24 times a second; look.grain is the picture's own";
        STAGE_GRAIN_SIZE "stage.grain_size": f64 = float(0.5..=4.0, 1.0, "").smoothed(),
            "Size of the grain, 1 being 35 mm film's";
    }
    Stage, Stays, 2..=OUTPUTS => {
        STAGE_FIT_N "stage.fit_N": Fit = choice(),
            "How the picture meets the screen of output {N}";
    }
    Host, Unsaved => {
        WINDOW_NEXT_MONITOR "window.next_monitor": Trigger = trigger(),
            "Moves the output on to the next monitor";
        WINDOW_MONITOR "window.monitor": Text = text(),
            "Moves the output to the monitor with that in its name";
        WINDOW_CONSOLE "window.console": Trigger = trigger(),
            "Opens the performer's console, or closes it";
        BEAT_CLOCK_IN "beat.clock_in": Text = text(),
            "Takes MIDI clock from the ports alone with that in their name; from every one where it is empty";
        HUD_OUTPUT "hud.output": bool = toggle(),
            "Keeps the heads-up display, the keys and the controls on the output where a console is open, too";
    }
}
