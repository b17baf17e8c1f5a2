//! The configuration file, below the environment, below the command line.

use crate::{
    program::{Folder, command, finish, root_of, run, set_mode},
    start,
    tunnels::Nobody,
};

const LINK: &str = "https://relay.example/#a-key-of-the-tests";

#[tokio::test]
async fn a_file_says_what_nobody_else_says() {
    let sim = start().await;
    let nobody = Nobody::new();
    let folder = Folder::new();
    let ca = folder.write("ca.pem", sim.ca_pem());
    let (chat, media, root) = (sim.chat(), sim.media().port(), root_of(&sim));
    let text = format!("[check]\nvia = '{chat}'\nmedia-port = {media}\nca = '{ca}'\nroot = '{root}'\njson = true\n");
    let file = folder.write("pasarela.toml", &text);
    let ended = run(&["check", "--config", &file]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.starts_with('{'), "{ended:?}");
    // The environment goes before the file, and the command line before both.
    let mut with_environment = command(&["check"]);
    with_environment.env("PASARELA_CONFIG", &file).env("PASARELA_CHECK_VIA", nobody.address().to_string());
    assert_eq!(finish(with_environment).await.code, Some(11));
    let mut with_both = command(&["--config", &file, "check", "--via", &chat.to_string()]);
    with_both.env("PASARELA_CHECK_VIA", nobody.address().to_string());
    assert_eq!(finish(with_both).await.code, Some(0));
}

#[tokio::test]
async fn a_link_may_stand_in_a_file_that_others_may_not_read() {
    let folder = Folder::new();
    let file = folder.write("pasarela.toml", &format!("[share]\nlink = '{LINK}'\ntext = true\n"));
    let ended = run(&["--config", &file, "share"]).await;
    assert_eq!((ended.code, ended.out.trim(), ended.err.lines().count()), (Some(0), LINK, 1), "{ended:?}");
    if cfg!(unix) {
        set_mode(&folder.path("pasarela.toml"), 0o644);
        let ended = run(&["--config", &file, "share"]).await;
        assert_eq!((ended.code, ended.err.contains("chmod 600")), (Some(0), true), "{ended:?}");
    }
}

#[tokio::test]
async fn a_mistake_is_named_with_its_file_and_without_its_value() {
    let folder = Folder::new();
    for (text, phrase) in [
        (format!("[share]\nlinks = '{LINK}'"), "has no option \"links\""),
        (format!("[share]\nqr = '{LINK}'"), "the value of \"qr\""),
        (format!("[share]\nlink = {LINK}"), "line 2"),
        ("[serve]\nrelay-key = 'me=a-key-of-the-tests'".to_owned(), "`pasarela serve` has no option \"relay-key\""),
        (format!("[sahre]\nlink = '{LINK}'"), "\"sahre\" is not a command"),
    ] {
        let file = folder.write("pasarela.toml", &text);
        let ended = run(&["share", "--config", &file]).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains(phrase) && ended.err.contains(&file) && !ended.err.contains("a-key"), "{ended:?}");
    }
}
