//! States: written down, taken up, and played on from.

use super::*;

/// An action of any kind; parameters by their place among those that the instrument reads.
fn any_action() -> impl Strategy<Value = Action> {
    let any_param = |params: std::ops::Range<usize>| params.prop_map(|at| ParamId::at(at).unwrap());
    let param = any_param(0..440);
    prop_oneof![
        (param.clone(), -10.0..200.0).prop_map(|(param, value)| Action::Set { param, value }),
        (param.clone(), 0.0..1.0).prop_map(|(param, unit)| Action::SetUnit { param, unit }),
        (param.clone(), -2.0..2.0).prop_map(|(param, delta)| Action::Nudge { param, delta }),
        param.prop_map(|param| Action::Trigger { param }),
        any_param(0..30).prop_map(|param| Action::Trigger { param }),
        (0..4usize, 0.0..1.0).prop_map(|(source, value)| Action::Source { source, value }),
        (0.0..99.0, 30.0..250.0).prop_map(|(beat, tempo)| Action::Clock {
            beat,
            tempo,
            running: true
        }),
    ]
}

fn play(it: &mut Instrument, actions: &[(Action, u16)]) -> Vec<u32> {
    let mut seen = Vec::new();
    for (action, ticks) in actions {
        it.apply(action);
        (0..*ticks).for_each(|_| it.tick());
        seen.extend(latents(it, ROWS).iter().map(|v| v.to_bits()));
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn an_instrument_that_takes_up_a_state_plays_on_bit_for_bit(
        before in proptest::collection::vec((any_action(), 0..90u16), 0..40),
        fade in 0.0..2.0f64,
        after in proptest::collection::vec((any_action(), 0..90u16), 1..40),
    ) {
        let mut it = instrument();
        it.seed(5);
        play(&mut it, &before);
        let ready = Recall::new(&Preset::of_seeds(31..=36), it.table(), LATENT).unwrap();
        it.recall(ready, ticks(fade));
        play(&mut it, &before);
        let bytes = postcard::to_stdvec(&it.state()).unwrap();
        let state: State = postcard::from_bytes(&bytes).unwrap();
        let mut other = Instrument::from_state(&state, Arc::clone(it.table())).unwrap();
        prop_assert_eq!(other.state(), it.state());
        prop_assert_eq!(play(&mut other, &after), play(&mut it, &after));
        prop_assert_eq!(other.state(), it.state());
    }

    #[test]
    fn a_damaged_state_is_refused_or_plays_and_never_panics(place in any::<usize>(), byte in any::<u8>()) {
        let mut it = instrument();
        fire(&mut it, "keyframe.2.jump");
        it.tick();
        let mut bytes = postcard::to_stdvec(&it.state()).unwrap();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(state) = postcard::from_bytes::<State>(&bytes)
            && let Ok(mut other) = Instrument::from_state(&state, Arc::clone(it.table()))
            && other.latent() == LATENT
        {
            run(&mut other, 1.0);
            latents(&mut other, ROWS);
        }
    }
}

#[test]
fn a_state_of_a_table_with_other_rows_goes_over_to_this_one() {
    let mut it = instrument();
    set(&mut it, "loop.speed", 2.5);
    set(&mut it, "record.keep_secs", 20.0);
    let table = Arc::clone(it.table());
    let mut rows: Vec<Row> = table.iter().map(|(_, row)| row.clone()).collect();
    let odd = Row {
        name: "look.odd".into(),
        ..rows[1].clone()
    };
    rows.insert(0, odd);
    rows.retain(|row| row.name != "record.keep_secs");
    let other = Table::new(rows);
    let known = |from: &Table, to: &Table| -> Vec<_> {
        from.iter().map(|(_, row)| to.id(&row.name)).collect()
    };
    let mut state = it.state();
    state.renumber(&known(&table, &other), &other);
    let speed = other.id("loop.speed").unwrap();
    assert_eq!(speed.index(), 2, "it is another row there");
    state.renumber(&known(&other, &table), &table);
    let again = Instrument::from_state(&state, Arc::clone(&table)).unwrap();
    assert_eq!(again.get(params::LOOP_SPEED), 2.5);
    assert_eq!(
        again.get(params::RECORD_KEEP_SECS),
        60.0,
        "it was lost on the way"
    );
}

/// The seed of the second keyframe after each of three re-rolls.
fn rolled(it: &mut Instrument) -> [f64; 3] {
    let param = it.table().id("keyframe.2.seed").unwrap();
    [(); 3].map(|()| {
        fire(it, "keyframe.2.reroll");
        it.base_value(param)
    })
}

#[test]
fn written_takes_and_states_of_before_roll_the_seeds_that_they_rolled_then() {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let before = [(); 4].map(|()| f64::from(rng.next_u32() >> 1));
    assert!(before.iter().any(|seed| *seed > f64::from(1 << 24)));
    let script = crate::take::Script {
        preset: String::new(),
        length: 0,
        events: Vec::new(),
    };
    let mut player = crate::take::Player::script(&script, instrument());
    fire(player.instrument(), "keyframe.2.reroll");
    let bytes = postcard::to_stdvec(&player.instrument().state()).unwrap();
    let state: State = postcard::from_bytes(&bytes).unwrap();
    let table = Arc::clone(player.instrument().table());
    let mut restored = Instrument::from_state(&state, table).unwrap();
    assert_eq!(rolled(&mut restored), before[1..]);
    assert_eq!(rolled(player.instrument()), before[1..]);
}
