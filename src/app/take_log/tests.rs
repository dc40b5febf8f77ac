//! Logs of shows that are not there.

use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::instrument::Table;
use crate::report::Severity;
use crate::take::log::fingerprint;
use crate::take::{Ended, Event, Player, Take};

struct Played {
    log: Option<TakeLog>,
    instrument: Instrument,
    table: Arc<Table>,
    told: Arc<Mutex<Vec<(Severity, String)>>>,
}

impl Played {
    fn start(folder: &Path) -> Self {
        let table = Arc::new(Table::standard());
        let model = Model {
            name: "m.safetensors".into(),
            sha256: "00".repeat(32),
            latent: 6,
        };
        let told = Arc::new(Mutex::new(Vec::new()));
        let reporter = {
            let told = Arc::clone(&told);
            Reporter::new(move |severity, text| told.lock().unwrap().push((severity, text)))
        };
        let mut instrument =
            Instrument::new(&Preset::of_seeds(1..=4), Arc::clone(&table), 6).unwrap();
        instrument.seed(9);
        let log = TakeLog::start(folder, &instrument, Arc::new(model), 5, reporter).unwrap();
        Self {
            log: Some(log),
            instrument,
            table,
            told,
        }
    }

    /// Plays that many frames of eight ticks, as a show does.
    fn play(&mut self, frames: u64) {
        let log = self.log.as_ref().unwrap();
        let reroll = self.table.find("loop.reroll").unwrap();
        for frame in 0..frames {
            let tick = self.instrument.ticks();
            if frame % 20 == 7 {
                let action = Action::Trigger { param: reroll };
                self.instrument.apply(&action);
                log.action(tick, action);
            }
            (0..8).for_each(|_| self.instrument.tick());
            let mut z = [0.0; 6];
            self.instrument.latents(&mut z);
            log.latents(self.instrument.ticks(), 1, fingerprint(&z));
            // A show leaves the log its time.
            if frame % 1000 == 999 {
                thread::sleep(Duration::from_millis(50));
            }
        }
    }

    fn end(&mut self) -> Vec<(Severity, String)> {
        self.log = None;
        std::mem::take(&mut self.told.lock().unwrap())
    }

    fn read(&self, path: &Path) -> Take {
        Take::read(&fs::read(path).unwrap(), &self.table).unwrap()
    }
}

#[test]
fn what_is_played_while_a_file_is_open_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("takes/one.take");
    let mut played = Played::start(folder.path());
    played.play(30);
    let begun = played.instrument.ticks();
    played.log.as_ref().unwrap().begin_file(begun, path.clone());
    played.play(70);
    let end = played.instrument.ticks();
    played.log.as_ref().unwrap().end_file(end, 3);
    played.play(30);
    let told = played.end();
    assert!(
        matches!(&told[..], [(Severity::Info, text)] if text.contains("one.take")),
        "{told:?}"
    );
    let take = played.read(&path);
    assert_eq!(take.ended, Ended::Whole);
    assert_eq!((take.start(), take.end), (begun, end));
    assert_eq!(take.opening.seed, 5);
    let lost = Event::Mark("the film lost 3 pictures".into());
    assert!(take.events.contains(&(end, lost)));
    let latents = take
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::Latents { .. }));
    assert_eq!(latents.count(), 70);
    let mut player = Player::take(&take, &played.table).unwrap();
    player.advance(take.end).unwrap();
    assert_eq!(
        (player.verification().same, player.verification().different),
        (70, 0)
    );
}

#[test]
fn the_last_seconds_can_be_kept_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut played = Played::start(folder.path());
    // Twenty-five seconds: states at 0, 10 and 20.
    played.play(1500);
    played.log.as_ref().unwrap().keep(25 * 480, 12.0);
    let told = played.end();
    assert!(
        matches!(&told[..], [(Severity::Info, text)] if text.contains("kept the last 12 s")),
        "{told:?}"
    );
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1);
    let take = played.read(&files[0].as_ref().unwrap().path());
    assert_eq!((take.start(), take.end), (10 * 480, 25 * 480));
    assert_eq!(take.ended, Ended::Whole);
}

#[test]
fn a_file_that_is_there_or_cannot_be_written_is_named_and_the_log_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken.take");
    fs::write(&taken, "mine").unwrap();
    let mut played = Played::start(folder.path());
    played.log.as_ref().unwrap().begin_file(0, taken.clone());
    played.play(10);
    played
        .log
        .as_ref()
        .unwrap()
        .begin_file(80, taken.join("below"));
    played.play(10);
    played.log.as_ref().unwrap().keep(160, 60.0);
    let told = played.end();
    assert!(
        matches!(&told[..], [(Severity::Warning, a), (Severity::Warning, b), (Severity::Info, _)]
            if a.contains("taken.take") && b.contains("below")),
        "{told:?}"
    );
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
}

#[test]
fn what_comes_too_fast_is_counted_and_the_show_brings_the_log_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut played = Played::start(folder.path());
    played.play(1);
    let (tick, reroll) = (8, played.table.find("loop.reroll").unwrap());
    let log = played.log.as_ref().unwrap();
    for sent in 0.. {
        let action = Action::Trigger { param: reroll };
        played.instrument.apply(&action);
        log.action(tick, action);
        if log.wants_state() {
            break;
        }
        assert!(sent < 10_000_000, "the log keeps up with anything");
    }
    while !log.shared.messages.is_empty() {
        thread::yield_now();
    }
    log.state(&played.instrument);
    played.play(10);
    let log = played.log.as_ref().unwrap();
    log.keep(played.instrument.ticks(), 0.0);
    let told = played.end();
    let lost =
        |report: &(Severity, String)| report.0 == Severity::Warning && report.1.contains("lost");
    assert!(told.iter().any(lost), "{told:?}");
    let file = fs::read_dir(folder.path()).unwrap().next().unwrap();
    let take = played.read(&file.unwrap().path());
    let mut player = Player::take(&take, &played.table).unwrap();
    player.advance(take.end).unwrap();
    assert_eq!(
        (player.verification().same, player.verification().different),
        (10, 0)
    );
}
