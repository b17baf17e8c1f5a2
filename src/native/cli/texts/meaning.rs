//! What `pasarela check` says at its end: what a failure means, and what to try.

use std::time::{Duration, SystemTime};

use super::{
    language::{In, Language, said},
    trouble::{noun, of_code, sentence},
};
use crate::{
    check::{Clock, Dates, Fault, Flaw, What},
    trouble::{Stage, Trouble},
};

pub(in super::super) const WELL_RELAY: In = In {
    en: "All well: WhatsApp works through this relay.",
    es: "Todo bien: WhatsApp funciona a través de este relé.",
    fa: "همه‌چیز درست است: واتساپ از راه این رله کار می‌کند.",
};
pub(in super::super) const WELL_OTHER_ROOT: In = In {
    en: "All well by the key that the link itself names. That key is not WhatsApp's, so this is a test and no proof.",
    es: "Todo bien según la clave que nombra el propio enlace. Esa clave no es la de WhatsApp: esto es una prueba y no demuestra nada.",
    fa: "با کلیدی که خود لینک نام می‌برد همه‌چیز درست است. آن کلید مال واتساپ نیست، پس این فقط یک آزمایش است و چیزی را ثابت نمی‌کند.",
};
pub(in super::super) const WELL_PROXY: In = In {
    en: "All well: WhatsApp works through this proxy.",
    es: "Todo bien: WhatsApp funciona a través de este proxy.",
    fa: "همه‌چیز درست است: واتساپ از راه این پروکسی کار می‌کند.",
};

/// Behind what went well all the same.
pub(in super::super) fn other_way(detour: &str) -> String {
    said! {
        en: "Found another way: {detour}.\n",
        es: "Se encontró otro camino: {detour}.\n",
        fa: "راه دیگری پیدا شد: {detour}.\n",
    }
}

/// What a failure means, and what to try.
pub(in super::super) fn advised(means: &str, advice: In) -> String {
    said! {
        en: "{means}\n  Try: {advice}\n",
        es: "{means}\n  Prueba: {advice}\n",
        fa: "{means}\n  امتحان کنید: {advice}\n",
    }
}

/// A time as it stands in a sentence.
pub(in super::super) fn date(time: SystemTime) -> String {
    let said = httpdate::fmt_http_date(time);
    let parts: Vec<_> = said.split(' ').collect();
    match (Language::chosen(), &parts[..]) {
        (Language::Spanish | Language::Persian, [_, day, month, year, time, _]) => {
            let months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
            let month = months.find(month).unwrap_or_default() / 4 + 1;
            format!("{year}-{month:02}-{day} {time} UTC")
        }
        (Language::Spanish | Language::Persian | Language::English, _) => said.clone(),
    }
}

/// What a failure means, in one line. `today` is what this device takes for the date.
pub(in super::super) fn fault(what: What, fault: Fault, clock: Option<Clock>, today: &str) -> String {
    match fault {
        Fault::Way(trouble) => way(what, trouble, today),
        Fault::MediaWay(_) => said! {
            en: "Chat works, but nothing answers at the proxy's port for photos and files.",
            es: "El chat funciona, pero nada responde en el puerto del proxy para fotos y archivos.",
            fa: "گفتگو کار می‌کند، اما در درگاه پروکسی برای عکس و فایل چیزی پاسخ نمی‌دهد.",
        },
        Fault::Chat(flaw) => of_chat(what, flaw, clock, today),
        Fault::Media(flaw) => of_media(flaw, clock, today),
    }
}

fn way(what: What, trouble: Trouble, today: &str) -> String {
    if what == What::Proxy && trouble.stage() == Stage::Tls {
        return said! {
            en: "The proxy answers, but not with TLS: this port may be one without.",
            es: "El proxy responde, pero no con TLS: puede que este puerto sea uno sin él.",
            fa: "پروکسی پاسخ می‌دهد، اما نه با TLS: شاید این درگاه بدون آن است.",
        };
    }
    sentence(trouble, what, today)
}

/// An answer was late on a slow line, whose connection alone took so long.
pub(in super::super) fn slow(connected: Duration) -> String {
    let took = duration(connected.max(Duration::from_secs(1)));
    said! {
        en: "This line is slow: the connection alone took {took}, and then an answer did not come in time.",
        es: "Esta línea es lenta: solo la conexión tardó {took}, y después una respuesta no llegó a tiempo.",
        fa: "این اینترنت کند است: فقط وصل شدن {took} طول کشید، و بعد پاسخی به‌موقع نرسید.",
    }
}

/// The answer sends to another host.
pub(in super::super) fn elsewhere(what: What, host: &str) -> String {
    let it = noun(what);
    said! {
        en: "What answers there is not the {it}: it sends to {host}.",
        es: "Lo que responde allí no es el {it}: envía a {host}.",
        fa: "آنچه آنجا پاسخ می‌دهد {it} نیست: به {host} می‌فرستد.",
    }
}

fn of_chat(what: What, flaw: Flaw, clock: Option<Clock>, today: &str) -> String {
    let it = noun(what);
    match flaw {
        Flaw::Cut => said! {
            en: "The {it} answers, but the connection was cut before WhatsApp did.",
            es: "El {it} responde, pero la conexión se cortó antes de que respondiera WhatsApp.",
            fa: "{it} پاسخ می‌دهد، اما پیش از پاسخ واتساپ اتصال قطع شد.",
        },
        Flaw::Silent => said! {
            en: "The {it} answers, but WhatsApp behind it says nothing.",
            es: "El {it} responde, pero WhatsApp detrás de él no dice nada.",
            fa: "{it} پاسخ می‌دهد، اما واتساپ پشت آن چیزی نمی‌گوید.",
        },
        Flaw::Garbage => said! {
            en: "Something answers through the {it}, but it does not speak as WhatsApp does.",
            es: "Algo responde a través del {it}, pero no habla como WhatsApp.",
            fa: "از راه {it} چیزی پاسخ می‌دهد، اما مثل واتساپ حرف نمی‌زند.",
        },
        Flaw::Forged => said! {
            en: "What answers through the {it} is NOT WhatsApp: the {it}, or somebody behind it, tampers.",
            es: "Lo que responde a través del {it} NO es WhatsApp: el {it}, o alguien detrás de él, manipula la conexión.",
            fa: "هشدار: آنچه از راه {it} پاسخ می‌دهد واتساپ نیست: {it} یا کسی پشت آن اتصال را دستکاری می‌کند.",
        },
        Flaw::Dates(dates) => of_dates(Whose::Chat, dates, clock, today),
        Flaw::Stream(code) => of_code(code),
    }
}

fn of_media(flaw: Flaw, clock: Option<Clock>, today: &str) -> String {
    match flaw {
        Flaw::Cut => said! {
            en: "Chat works, but the connection for photos and files was cut.",
            es: "El chat funciona, pero la conexión para fotos y archivos se cortó.",
            fa: "گفتگو کار می‌کند، اما اتصال برای عکس و فایل قطع شد.",
        },
        Flaw::Silent => said! {
            en: "Chat works, but WhatsApp's server for photos and files does not answer.",
            es: "El chat funciona, pero el servidor de WhatsApp para fotos y archivos no responde.",
            fa: "گفتگو کار می‌کند، اما سرور واتساپ برای عکس و فایل پاسخ نمی‌دهد.",
        },
        Flaw::Garbage => said! {
            en: "Chat works, but what answers for photos and files is something else.",
            es: "El chat funciona, pero lo que responde para fotos y archivos es otra cosa.",
            fa: "گفتگو کار می‌کند، اما آنچه برای عکس و فایل پاسخ می‌دهد چیز دیگری است.",
        },
        Flaw::Forged => said! {
            en: "Chat works, but what answers for photos and files is NOT WhatsApp: somebody on the way tampers.",
            es: "El chat funciona, pero lo que responde para fotos y archivos NO es WhatsApp: alguien en el camino manipula la conexión.",
            fa: "گفتگو کار می‌کند، اما هشدار: آنچه برای عکس و فایل پاسخ می‌دهد واتساپ نیست: کسی در مسیر اتصال را دستکاری می‌کند.",
        },
        Flaw::Dates(dates) => of_dates(Whose::Media, dates, clock, today),
        Flaw::Stream(code) => {
            let why = of_code(code);
            said! {
                en: "Chat works, photos and files do not. {why}",
                es: "El chat funciona; las fotos y los archivos, no. {why}",
                fa: "گفتگو کار می‌کند، عکس و فایل نه. {why}",
            }
        }
    }
}

/// Whose certificate.
#[derive(Clone, Copy)]
enum Whose {
    Chat,
    Media,
}

fn of_dates(whose: Whose, dates: Dates, clock: Option<Clock>, today: &str) -> String {
    let state = match dates {
        Dates::NotBefore(_) => {
            In { en: "not valid yet", es: "todavía no es válido", fa: "هنوز معتبر نشده است" }
        }
        Dates::NotAfter(_) => In { en: "out of date", es: "está vencido", fa: "تاریخ‌گذشته است" },
    };
    let whose = match whose {
        Whose::Chat => {
            In { en: "WhatsApp's certificate", es: "el certificado de WhatsApp", fa: "گواهی واتساپ" }
        }
        Whose::Media => In {
            en: "the certificate of WhatsApp's server for photos and files",
            es: "el certificado del servidor de WhatsApp para fotos y archivos",
            fa: "گواهی سرور واتساپ برای عکس و فایل",
        },
    };
    match clock {
        Some(Clock::Behind(by)) => {
            let by = duration(by);
            said! {
                en: "The clock of this device is slow by {by}: it says {today}.",
                es: "El reloj de este dispositivo va atrasado {by}: dice {today}.",
                fa: "ساعت این دستگاه {by} عقب است: {today} را نشان می‌دهد.",
            }
        }
        Some(Clock::Ahead(by)) => {
            let by = duration(by);
            said! {
                en: "The clock of this device is fast by {by}: it says {today}.",
                es: "El reloj de este dispositivo va adelantado {by}: dice {today}.",
                fa: "ساعت این دستگاه {by} جلو است: {today} را نشان می‌دهد.",
            }
        }
        Some(Clock::Right) => said! {
            en: "This device's clock is right, but {whose} really is {state}.",
            es: "El reloj de este dispositivo está bien, pero {whose} de verdad {state}.",
            fa: "ساعت این دستگاه درست است، اما {whose} واقعاً {state}.",
        },
        Some(Clock::Doubtful) | None => said! {
            en: "By this device's clock ({today}) {whose} is {state}. Most likely the clock is wrong.",
            es: "Según la hora de este dispositivo ({today}), {whose} {state}. Lo más probable es que la hora esté mal.",
            fa: "با ساعت این دستگاه ({today}) {whose} {state}. به احتمال زیاد ساعت درست نیست.",
        },
    }
}

/// As one would say it: the two largest units at most.
fn duration(by: Duration) -> String {
    const YEAR: [In; 2] = [In { en: "year", es: "año", fa: "سال" }, In { en: "years", es: "años", fa: "سال" }];
    const DAY: [In; 2] = [In { en: "day", es: "día", fa: "روز" }, In { en: "days", es: "días", fa: "روز" }];
    const HOUR: [In; 2] = [In { en: "hour", es: "hora", fa: "ساعت" }, In { en: "hours", es: "horas", fa: "ساعت" }];
    const MINUTE: [In; 2] =
        [In { en: "minute", es: "minuto", fa: "دقیقه" }, In { en: "minutes", es: "minutos", fa: "دقیقه" }];
    const SECOND: [In; 2] =
        [In { en: "second", es: "segundo", fa: "ثانیه" }, In { en: "seconds", es: "segundos", fa: "ثانیه" }];
    let and = In { en: " and ", es: " y ", fa: " و " };
    let units = [(31_557_600, YEAR), (86_400, DAY), (3600, HOUR), (60, MINUTE), (1, SECOND)];
    let mut rest = by.as_secs();
    let mut parts = Vec::new();
    for (seconds, [one, several]) in units {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {}", if count == 1 { one } else { several }));
        }
    }
    parts.join(&*and.text())
}

#[cfg(test)]
mod tests {
    use super::{super::language::tests::speaking, *};

    #[test]
    fn durations_are_said_as_people_say_them() {
        for (seconds, said) in [
            (1, "1 second"),
            (61, "1 minute and 1 second"),
            (7200, "2 hours"),
            (90_061, "1 day and 1 hour"),
            (3 * 31_557_600 + 5, "3 years and 5 seconds"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), said);
        }
        let long = || duration(Duration::from_secs(90_061));
        assert_eq!(speaking(Language::Spanish, long), "1 día y 1 hora");
        assert_eq!(speaking(Language::Persian, long), "1 روز و 1 ساعت");
    }

    #[test]
    fn a_date_is_of_figures_where_months_have_other_names() {
        let date = || date(SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000));
        assert_eq!(date(), "Mon, 30 Nov 2026 00:53:20 GMT");
        assert_eq!(speaking(Language::Persian, date), "2026-11-30 00:53:20 UTC");
    }

    #[test]
    fn a_wrong_clock_is_named_with_what_it_says_and_never_called_tampering() {
        let flaw = Flaw::Dates(Dates::NotAfter(1));
        for (clock, phrases) in [
            (Some(Clock::Behind(Duration::from_secs(90_061))), ["slow by 1 day and 1 hour", "it says TODAY"]),
            (Some(Clock::Ahead(Duration::from_secs(60))), ["fast by 1 minute", "it says TODAY"]),
            (Some(Clock::Right), ["clock is right", "really is out of date"]),
            (Some(Clock::Doubtful), ["clock (TODAY)", "Most likely the clock is wrong"]),
        ] {
            for what in [Fault::Chat(flaw), Fault::Media(flaw)] {
                let said = fault(What::Relay, what, clock, "TODAY");
                assert!(phrases.iter().all(|phrase| said.contains(phrase)) && !said.contains("tampers"), "{said}");
            }
        }
        let forged = fault(What::Relay, Fault::Chat(Flaw::Forged), None, "TODAY");
        assert!(forged.contains("NOT WhatsApp") && !forged.contains("clock"), "{forged}");
    }
}
