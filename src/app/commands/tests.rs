//! What the program does for its own parameters.

use super::*;
use crate::app::rehearsal::Rehearsal;
use crate::instrument::{Kind, Scope, Table};

#[test]
fn each_trigger_of_a_window_sends_its_command() {
    let mut rehearsal = Rehearsal::new();
    let expected = [
        ("window.fullscreen", WindowCommand::ToggleFullscreen),
        ("window.leave_fullscreen", WindowCommand::LeaveFullscreen),
        ("window.next_monitor", WindowCommand::NextMonitor),
        ("window.console", WindowCommand::ToggleConsole),
    ];
    for (name, command) in expected {
        rehearsal.fire(name);
        rehearsal.frames(1);
        assert_eq!(
            std::mem::take(&mut *rehearsal.commands.lock().unwrap()),
            [command]
        );
    }
    rehearsal.text("window.monitor", "HDMI-1");
    rehearsal.frames(1);
    let commands = std::mem::take(&mut *rehearsal.commands.lock().unwrap());
    assert_eq!(commands, [WindowCommand::ToMonitor("HDMI-1".into())]);
    assert!(!rehearsal.show.over);
    rehearsal.fire("show.quit");
    rehearsal.frames(1);
    assert!(rehearsal.show.over);
}

#[test]
fn displays_are_toggled_and_told_as_lit() {
    let mut rehearsal = Rehearsal::new();
    for name in ["hud.toggle", "hud.help", "midi.learn"] {
        for on in [1.0, 0.0] {
            rehearsal.fire(name);
            rehearsal.frames(1);
            assert_eq!(rehearsal.value(name), on, "{name}");
            assert_eq!(rehearsal.last().has_readout, on > 0.5, "{name}");
        }
    }
}

#[test]
fn steps_go_up_and_down_in_the_table_of_controls() {
    let mut rehearsal = Rehearsal::new();
    let param = rehearsal.id("midi.learn");
    rehearsal.fire("midi.learn");
    rehearsal.frames(1);
    let first = rehearsal.show.status.hud.picked().unwrap();
    rehearsal.put(Action::Nudge { param, delta: 3.0 });
    rehearsal.frames(1);
    let picked = rehearsal.show.status.hud.picked().unwrap();
    assert_ne!(picked, first);
    rehearsal.put(Action::Nudge { param, delta: -3.0 });
    rehearsal.frames(1);
    assert_eq!(rehearsal.show.status.hud.picked(), Some(first));
}

#[test]
fn every_trigger_of_the_programs_is_a_command() {
    let table = Table::standard();
    for (param, row) in table.iter() {
        let command = command_of(param);
        if row.scope == Scope::Host && row.kind == Kind::Trigger {
            assert!(command.is_some(), "{}", row.name);
        } else if row.kind != Kind::Text {
            assert_eq!(command, None, "{}", row.name);
        }
    }
}
