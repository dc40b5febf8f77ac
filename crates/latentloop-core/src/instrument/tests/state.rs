//! States: written down, taken up, and played on from.

use super::*;

/// An action of any kind; parameters by their place among those that the instrument reads.
fn any_action() -> impl Strategy<Value = Action> {
    let param = (0..440u16).prop_map(ParamId);
    prop_oneof![
        (param.clone(), -10.0..200.0).prop_map(|(param, value)| Action::Set { param, value }),
        (param.clone(), 0.0..1.0).prop_map(|(param, unit)| Action::SetUnit { param, unit }),
        (param.clone(), -2.0..2.0).prop_map(|(param, delta)| Action::Nudge { param, delta }),
        param.prop_map(|param| Action::Trigger { param }),
        (0..30u16).prop_map(|param| Action::Trigger {
            param: ParamId(param)
        }),
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
fn a_state_goes_over_to_a_table_with_other_rows() {
    let mut it = instrument();
    set(&mut it, "loop.speed", 2.5);
    let mut rows: Vec<Row> = it.table().iter().map(|(_, row)| row.clone()).collect();
    rows.insert(
        0,
        Row {
            name: "look.new".into(),
            default: 0.75,
            ..rows[1].clone()
        },
    );
    rows.retain(|row| row.name != "record.keep_secs");
    let table = Arc::new(Table::new(rows));
    let known: Vec<_> = it
        .table()
        .iter()
        .map(|(_, row)| table.id(&row.name))
        .collect();
    let mut state = it.state();
    state.renumber(&known, &table);
    let other = Instrument::from_state(&state, Arc::clone(&table)).unwrap();
    let value = |name: &str| other.base_value(table.id(name).unwrap());
    assert_eq!((value("loop.speed"), value("look.new")), (2.5, 0.75));
}
