//! The tunnel's control messages, and what its upgrade says.

use pasarela_core::{
    limits,
    tunnel::{
        message::Control,
        upgrade::{self, Request},
    },
};

pub(crate) fn control(text: &str) -> bool {
    let read = Control::decode(text);
    assert!(text.len() <= limits::CONTROL || read.is_err(), "a message of {} bytes is read", text.len());
    if let Ok(Some(control)) = &read {
        let written = control.encode();
        assert_eq!(Control::decode(&written), Ok(Some(control.clone())), "{written}");
    }
    read.is_ok()
}

pub(crate) fn upgrade(header: &str) -> bool {
    let Ok(request) = upgrade::decode(header) else { return false };
    assert!(upgrade::is_offered(header));
    let written = match &request {
        Request::Open(open, early) => {
            assert!(open.window >= limits::WINDOW_MIN && early.len() <= limits::EARLY_DATA);
            upgrade::encode(&Control::Open(open.clone()), early)
        }
        Request::Resume(resume) => {
            assert!(resume.window >= limits::WINDOW_MIN);
            upgrade::encode(&Control::Resume(resume.clone()), &[])
        }
    };
    assert_eq!(upgrade::decode(&written), Ok(request), "{written}");
    true
}
