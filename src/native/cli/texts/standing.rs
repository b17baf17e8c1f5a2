//! How the bridge stands, on one line.

use std::time::Duration;

use super::{
    detour,
    language::{In, list, said},
    trouble::few,
};
use crate::{bridge::Standing, connect::Met, trouble::Trouble};

/// The live line.
pub(in super::super) fn line(
    standing: &Standing,
    relay: Option<&str>,
    problem: Option<(&str, Trouble, Duration)>,
) -> String {
    let mut parts = vec![carried(standing.connections, relay)];
    if standing.waiting > 0 && relay.is_some() {
        let waiting = standing.waiting;
        parts.push(said! { en: "{waiting} connecting", es: "{waiting} conectándose", fa: "{waiting} در حال اتصال" });
    }
    if standing.sent + standing.received > 0 {
        let (sent, received) = (bytes(standing.sent), bytes(standing.received));
        let (sent, received) = (
            said! { en: "sent {sent}", es: "enviados {sent}", fa: "فرستاده {sent}" },
            said! { en: "received {received}", es: "recibidos {received}", fa: "گرفته {received}" },
        );
        parts.push(list(&[sent, received]));
    }
    if let Some(detour) = standing.detour {
        parts.push(detour::words(detour));
    }
    if standing.freezes {
        parts.push(FREEZES.into());
    }
    if let Some((relay, trouble, ago)) = problem {
        let (few, ago) = (few(trouble), duration(ago));
        parts.push(said! {
            en: "{relay}: {few} ({ago} ago)",
            es: "{relay}: {few} (hace {ago})",
            fa: "{relay}: {few} ({ago} پیش)",
        });
    } else if standing.stranger {
        parts.push(STRANGER.into());
    }
    if standing.failed > 0 {
        parts.push(failed(standing.failed));
    }
    parts.join(" · ")
}

/// A relay in a journal, which is to hold no list of this user's relays.
pub(in super::super) fn numbered(number: usize) -> String {
    said! { en: "relay {number}", es: "relé {number}", fa: "رلهٔ {number}" }
}

fn carried(connections: usize, relay: Option<&str>) -> String {
    match (relay, connections) {
        (None, 0) => said! { en: "waiting for your phone", es: "esperando a tu teléfono", fa: "در انتظار گوشی شما" },
        (None, _) => said! {
            en: "looking for a relay that works",
            es: "buscando un relé que funcione",
            fa: "در جست‌وجوی رله‌ای که کار کند",
        },
        (Some(relay), 1) => said! {
            en: "1 connection through {relay}",
            es: "1 conexión a través de {relay}",
            fa: "1 اتصال از راه {relay}",
        },
        (Some(relay), connections) => said! {
            en: "{connections} connections through {relay}",
            es: "{connections} conexiones a través de {relay}",
            fa: "{connections} اتصال از راه {relay}",
        },
    }
}

const FREEZES: In = In {
    en: "this network freezes connections: each is used for a moment only, which costs the relay more",
    es: "esta red congela las conexiones: cada una se usa solo un momento, lo que le cuesta más al relé",
    fa: "این شبکه اتصال‌ها را از حرکت می‌اندازد: هر کدام فقط لحظه‌ای به کار می‌رود، که برای رله پرهزینه‌تر است",
};
const STRANGER: In = In {
    en: "somebody from outside the local network was refused; a phone here uses the address above",
    es: "se rechazó a alguien de fuera de la red local; un teléfono de aquí usa la dirección de arriba",
    fa: "کسی از بیرون شبکهٔ محلی پذیرفته نشد؛ گوشی در اینجا نشانی بالا را به کار می‌برد",
};

fn failed(count: u64) -> String {
    match count {
        1 => said! {
            en: "1 connection could not reach WhatsApp",
            es: "1 conexión no pudo llegar a WhatsApp",
            fa: "1 اتصال به واتساپ نرسید",
        },
        count => said! {
            en: "{count} connections could not reach WhatsApp",
            es: "{count} conexiones no pudieron llegar a WhatsApp",
            fa: "{count} اتصال به واتساپ نرسید",
        },
    }
}

/// What the network does, for programs.
pub(in super::super) fn network(standing: &Standing) -> Option<&'static str> {
    let met = standing.detour.and_then(|detour| detour.met).map(Met::token);
    if standing.freezes { Some("freezes") } else { met }
}

fn bytes(count: u64) -> String {
    let count = count as f64;
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let fitting = units.into_iter().find(|(unit, _)| count >= *unit);
    fitting.map_or_else(|| format!("{count} B"), |(unit, name)| format!("{:.1} {name}", count / unit))
}

fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => said! { en: "{seconds} s", es: "{seconds} s", fa: "{seconds} ثانیه" },
        60..3600 => said! { en: "{minutes} min", es: "{minutes} min", fa: "{minutes} دقیقه" },
        _ => said! { en: "{hours} h", es: "{hours} h", fa: "{hours} ساعت" },
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::language::{Language, tests::speaking},
        *,
    };

    #[test]
    fn the_line_says_who_carries_how_much_and_what_went_wrong() {
        let mut standing = Standing::default();
        assert_eq!(line(&standing, None, None), "waiting for your phone");
        standing.connections = 3;
        standing.waiting = 1;
        standing.sent = 999;
        standing.received = 12_345_678;
        let ago = Duration::from_secs(90);
        let says = || line(&standing, Some("b.example"), Some(("a.example", Trouble::TlsReset, ago)));
        assert_eq!(
            says(),
            "3 connections through b.example · 1 connecting · sent 999 B, received 12.3 MB · a.example: cut off as soon \
             as its name was seen: its name is blocked (1 min ago)"
        );
        assert_eq!(
            speaking(Language::Spanish, says),
            "3 conexiones a través de b.example · 1 conectándose · enviados 999 B, recibidos 12.3 MB · a.example: cortado en \
             cuanto se vio su nombre: su nombre está bloqueado (hace 1 min)"
        );
        let persian = speaking(Language::Persian, says);
        assert!(
            persian.starts_with("3 اتصال از راه \u{2068}b.example\u{2069} · 1 در حال اتصال · فرستاده"),
            "{persian}"
        );
        assert!(persian.ends_with("همین که نامش دیده شد قطع شد: نامش بسته شده است (1 دقیقه پیش)"), "{persian}");
    }
}
