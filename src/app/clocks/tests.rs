//! A MIDI clock beside a show.

use crate::app::clock::Clock;
use crate::app::rehearsal::Rehearsal;
use crate::control::clock::Pulse;

/// Plays so many seconds beside a MIDI clock of that tempo; gives what the performer was told.
fn play(rehearsal: &mut Rehearsal, secs: usize, bpm: f64) -> Vec<String> {
    let interval_nanos = (60e9 / bpm / 24.0) as u64;
    let mut next = rehearsal.control.inbox.stamp(rehearsal.clock.now());
    for _ in 0..secs * 60 {
        let now = rehearsal.control.inbox.stamp(rehearsal.clock.now());
        while next <= now {
            let pulses = &rehearsal.show.controllers.pulses;
            pulses.put(3, Pulse::Clock, next);
            next += interval_nanos;
        }
        rehearsal.frames(1);
    }
    rehearsal.notices()
}

#[test]
fn a_midi_clock_is_told_of_followed_where_it_is_chosen_and_missed_when_it_goes() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.set("beat.tempo", 90.0);
    let told = play(&mut rehearsal, 6, 132.0);
    let arrives = "MIDI clock arrives at 132.0 BPM; beat.source = midi follows it";
    let count = told.iter().filter(|text| *text == arrives).count();
    assert_eq!(count, 1, "{told:?}");
    assert_eq!(
        rehearsal.value("beat.tempo"),
        90.0,
        "it is not followed yet"
    );
    rehearsal.set("beat.source", 1.0);
    let told = play(&mut rehearsal, 4, 132.0);
    let tempo = rehearsal.value("beat.tempo");
    assert!((tempo - 132.0).abs() < 0.5, "{tempo}, {told:?}");
    rehearsal.frames(60 * 5);
    let told = rehearsal.notices();
    let gone = "MIDI clock has gone; the beat goes on at its last tempo";
    assert!(told.iter().any(|text| text == gone), "{told:?}");
    let tempo = rehearsal.value("beat.tempo");
    assert!((tempo - 132.0).abs() < 0.5, "it goes on: {tempo}");
}

#[test]
fn a_clock_that_is_silent_while_its_song_stands_is_not_missed_and_the_beat_stands_with_it() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.set("beat.source", 1.0);
    let pulse = |rehearsal: &Rehearsal, pulse| {
        let now = rehearsal.control.inbox.stamp(rehearsal.clock.now());
        rehearsal.show.controllers.pulses.put(3, pulse, now);
    };
    pulse(&rehearsal, Pulse::Start);
    play(&mut rehearsal, 6, 132.0);
    pulse(&rehearsal, Pulse::Stop);
    rehearsal.frames(60);
    let stood = rehearsal.value("beat.phase");
    rehearsal.frames(60 * 5);
    let told = rehearsal.notices();
    assert!(!told.iter().any(|text| text.contains("gone")), "{told:?}");
    assert_eq!(rehearsal.value("beat.phase"), stood);
    pulse(&rehearsal, Pulse::Continue);
    play(&mut rehearsal, 1, 132.0);
    let tempo = rehearsal.value("beat.tempo");
    assert!((tempo - 132.0).abs() < 0.5, "{tempo}");
    assert_ne!(rehearsal.value("beat.phase"), stood);
}
