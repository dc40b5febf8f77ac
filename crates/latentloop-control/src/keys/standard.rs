//! The standard key bindings, which the program comes with.

/// The standard bindings: key, action, and help. `{n}` stands for each of 1 to 8.
pub const STANDARD: [(&str, &str, &str); 42] = [
    ("{n}", "keyframe.{n}.jump", "Jump to that keyframe"),
    (
        "Shift+{n}",
        "keyframe.{n}.reroll",
        "Re-roll that keyframe: a new picture in its place",
    ),
    (
        "Ctrl+{n}",
        "keyframe.{n}.lock",
        "Lock that keyframe: re-rolls leave it alone",
    ),
    (
        "Ctrl+Shift+{n}",
        "keyframe.{n}.capture",
        "Keep the present picture as that keyframe",
    ),
    (
        "R",
        "loop.reroll",
        "Re-roll every keyframe that is not locked",
    ),
    (
        "Backspace",
        "loop.undo",
        "Take back the last change of a keyframe",
    ),
    ("Space", "loop.pause", "Pause, and go on"),
    ("Up", "loop.speed +0.05", "Faster"),
    (
        "Down",
        "loop.speed +-0.05",
        "Slower; through zero and backwards",
    ),
    ("Right", "loop.position +0.05", "Move the play head by hand"),
    ("Left", "loop.position +-0.05", "Move it back"),
    ("X", "loop.reverse", "Turn the play head round"),
    ("A", "loop.mode +1", "Round and round, or back and forth"),
    ("E", "loop.path +1", "The next way between keyframes"),
    (
        "M",
        "beat.sync",
        "The loop follows the beat instead of its speed",
    ),
    ("T", "beat.tap", "Tap the tempo"),
    ("D", "beat.downbeat", "The first beat of a bar is now"),
    (
        "Shift+Right",
        "beat.nudge +0.02",
        "The beat comes a little earlier",
    ),
    (
        "Shift+Left",
        "beat.nudge +-0.02",
        "The beat comes a little later",
    ),
    ("-", "beat.halve", "Half the tempo"),
    ("+", "beat.double", "Twice the tempo"),
    (
        "Q",
        "beat.quantise +1",
        "Jumps and re-rolls wait for: nothing, the beat, the bar",
    ),
    ("B", "master.blackout", "Blackout"),
    ("H", "master.freeze", "Hold the picture"),
    (
        "W",
        "look.dry",
        "The picture without its look, and with it again",
    ),
    ("Shift+W", "look.reset", "The look back to its defaults"),
    (
        "Shift+Escape",
        "master.panic",
        "Get the picture back: no look, fade up, no blackout, no freeze",
    ),
    ("F{n}", "preset.bank.{n}", "That preset of the bank"),
    ("N", "preset.next", "The next preset"),
    ("P", "preset.previous", "The preset before"),
    (
        "Ctrl+S",
        "preset.save",
        "Save what is played as a new preset",
    ),
    ("V", "record.toggle", "Start or stop a recording"),
    (
        "K",
        "record.keep",
        "Keep the last minute as a take, though nothing was recorded",
    ),
    (
        "L",
        "midi.learn",
        "Learn controls: pick a parameter, move a control",
    ),
    (
        "Delete",
        "midi.unlearn",
        "Forget the controls of the parameter that is picked",
    ),
    ("F", "window.fullscreen", "Fullscreen, or not"),
    (
        "Ctrl+M",
        "window.next_monitor",
        "The output on the next monitor",
    ),
    (
        "Escape",
        "window.leave_fullscreen",
        "Leave fullscreen; it never ends the show",
    ),
    (
        "C",
        "window.console",
        "The performer's console: a window of its own, or none",
    ),
    ("Tab", "hud.toggle", "The heads-up display"),
    ("?", "hud.help", "This table"),
    ("Ctrl+Q", "show.quit", "End the show"),
];

/// The placeholder for each of 1 to 8.
const PLACEHOLDER: &str = "{n}";

/// The standard bindings, those for 1 to 8 one by one: key, and what it does.
pub(super) fn expanded() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (key, does, _) in STANDARD {
        let last = if key.contains(PLACEHOLDER) { 8 } else { 1 };
        for number in 1..=last {
            let number = number.to_string();
            let fill = |text: &str| text.replace(PLACEHOLDER, &number);
            all.push((fill(key), fill(does)));
        }
    }
    all
}
