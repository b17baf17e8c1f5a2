//! The program speaks the locale's language to people, and to programs the same words in each.

use crate::program::{Ended, command, finish};

/// In this locale, with nothing else that would say another.
async fn run(locale: &str, args: &[&str]) -> Ended {
    let mut command = command(args);
    command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", locale);
    finish(command).await
}

#[tokio::test]
async fn a_link_that_cannot_be_used_is_told_of_in_the_language_of_the_locale() {
    for (locale, begins, hint) in [
        ("C", "error: link 1 cannot be used: its key is not 16 to 128 ", "\n  try: copying it again, whole, "),
        ("de_DE.UTF-8", "error: link 1 cannot be used: ", "\n  try: "),
        (
            "es_ES.UTF-8",
            "error: no se puede usar el enlace 1: su clave no tiene de 16 a 128 ",
            "\n  prueba: copiarlo otra vez, entero, ",
        ),
        ("fa_IR", "خطا: لینک 1 قابل استفاده نیست: کلید آن ۱۶ تا ۱۲۸ حرف ", "\n  امتحان کنید: دوباره کپی کردن "),
    ] {
        let ended = run(locale, &["bridge", "https://relay.example/#short"]).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{locale}: {ended:?}");
        assert!(ended.err.starts_with(begins) && ended.err.contains(hint), "{locale}: {ended:?}");
        // What is typed or pasted is as it is everywhere, and kept together where the line runs the other way.
        let link = if locale == "fa_IR" { "\u{2068}\"https://…/#…\"\u{2069}" } else { "\"https://…/#…\"" };
        assert!(ended.err.contains(link), "{locale}: {ended:?}");
    }
}

#[tokio::test]
async fn a_check_speaks_to_people_in_their_language_and_to_programs_in_one() {
    // Nothing listens on that port.
    let check = ["check", "http://127.0.0.1:1/#0123456789abcdef"];
    for (locale, line, means) in [
        ("C", "connection   FAILED", "Nothing listens there: the relay is not running"),
        ("es_ES.UTF-8", "conexión     FALLÓ", "Allí no escucha nada: el relé no está en marcha"),
        ("fa_IR", "اتصال        ناموفق", "آنجا چیزی گوش نمی‌دهد: رله روشن نیست"),
    ] {
        let ended = run(locale, &check).await;
        assert_eq!(ended.code, Some(11), "{locale}: {ended:?}");
        assert!(ended.out.contains(line) && ended.out.contains(means), "{locale}: {ended:?}");
        let ended = run(locale, &[&check[..], &["--json"]].concat()).await;
        assert_eq!((ended.code, ended.err.as_str()), (Some(11), ""), "{locale}: {ended:?}");
        let said: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
        assert_eq!((said["verdict"].as_str(), said["hint"].as_str()), (Some("connect"), Some("operator")), "{said}");
    }
}

#[tokio::test]
async fn help_is_the_same_in_every_language() {
    let english = run("C", &["check", "--help"]).await;
    assert_eq!(run("fa_IR", &["check", "--help"]).await.out, english.out);
}
