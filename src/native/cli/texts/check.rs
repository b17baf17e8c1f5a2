//! What `pasarela check` says while it is at work: a line for each stage. What it all means is `meaning`'s.

use std::time::Duration;

use super::language::{In, said};
use crate::{
    check::{Ech, Found, Name, Tls},
    link::Vouched,
    trouble::Stage,
};

const OK: In = In { en: "ok", es: "bien", fa: "درست" };
const FAILED: In = In { en: "FAILED", es: "FALLÓ", fa: "ناموفق" };
pub(in super::super) const STOPPED: In =
    In { en: "stopped before the end", es: "detenido antes del final", fa: "پیش از پایان متوقف شد" };
pub(in super::super) const NO_LINK: In =
    In {
        en: "the link cannot be used", es: "no se puede usar el enlace", fa: "لینک قابل استفاده نیست"
    };
pub(in super::super) const NO_PROXY: In = In {
    en: "--via: not a usable host, host:port or wa.me/proxy link",
    es: "--via: no sirve como host, host:port ni enlace wa.me/proxy",
    fa: "--via: نه host قابل استفاده‌ای است، نه host:port و نه لینک wa.me/proxy",
};
pub(in super::super) const NO_ROOT: In = In {
    en: "--root: not 64 hexadecimal digits",
    es: "--root: no son 64 dígitos hexadecimales",
    fa: "--root: باید 64 رقم شانزده‌شانزدهی باشد",
};
pub(in super::super) const OTHER_ROOT: In = In {
    en: "note: the link names a root key other than WhatsApp's (&root=…), as the simulator needs",
    es: "nota: el enlace nombra una clave raíz que no es la de WhatsApp (&root=…), como la necesita el simulador",
    fa: "نکته: لینک کلید ریشه‌ای غیر از کلید واتساپ را نام می‌برد (&root=…)، همان که شبیه‌ساز لازم دارد",
};
pub(in super::super) const NO_CERTIFICATE: In = In {
    en: "the file given with --ca contains something that is not a certificate",
    es: "el archivo dado con --ca contiene algo que no es un certificado",
    fa: "در فایلی که با --ca داده شده چیزی هست که گواهی نیست",
};

/// A link that is not what it looks like.
pub(in super::super) fn vouched(host: &str, vouched: Vouched<'_>) -> String {
    let instead = match vouched {
        Vouched::Name(name) => said! {
            en: "the certificate is verified for {name}",
            es: "el certificado se verifica para {name}",
            fa: "گواهی برای {name} بررسی می‌شود",
        },
        Vouched::Pin => said! {
            en: "any certificate with the key that &pin= names is accepted",
            es: "se acepta cualquier certificado con la clave que nombra &pin=",
            fa: "هر گواهی‌ای با کلیدی که &pin= نام می‌برد پذیرفته می‌شود",
        },
    };
    said! {
        en: "note: {host} is only what the link calls the relay; {instead}, as the link says",
        es: "nota: {host} es solo como el enlace llama al relé; {instead}, como dice el enlace",
        fa: "نکته: {host} فقط نامی است که لینک به رله می‌دهد؛ {instead}، آن‌طور که لینک می‌گوید",
    }
}

/// What is done in a stage, while it is done.
pub(in super::super) fn doing(stage: Stage, seconds: u64) -> String {
    let doing = match stage {
        Stage::Name => In { en: "looking up the name", es: "buscando el nombre", fa: "پیدا کردن نام" },
        Stage::Connect => In { en: "connecting", es: "conectando", fa: "وصل شدن" },
        Stage::Tls => {
            In { en: "setting up encryption", es: "preparando el cifrado", fa: "برقراری رمزگذاری" }
        }
        Stage::Upgrade => In { en: "asking for the relay", es: "preguntando por el relé", fa: "خواستن رله" },
        Stage::Key => In { en: "showing the key", es: "mostrando la clave", fa: "نشان دادن کلید" },
        Stage::Upstream => In {
            en: "waiting for the relay to reach WhatsApp",
            es: "esperando a que el relé llegue a WhatsApp",
            fa: "انتظار برای رسیدن رله به واتساپ",
        },
        Stage::Chat => In {
            en: "waiting for WhatsApp to prove itself",
            es: "esperando a que WhatsApp demuestre que lo es",
            fa: "انتظار برای اینکه واتساپ خود را ثابت کند",
        },
        Stage::Media => {
            In { en: "trying photos and files", es: "probando fotos y archivos", fa: "آزمایش عکس و فایل" }
        }
    };
    said! { en: "{doing} … {seconds} s", es: "{doing} … {seconds} s", fa: "{doing} … {seconds} ثانیه" }
}

/// A stage that is over: what it found, if it was passed.
pub(in super::super) fn line(stage: Stage, found: Option<Found>, took: Duration) -> String {
    let (state, detail) = match found {
        Some(found) => (OK, of_found(stage, found)),
        None => (FAILED, String::new()),
    };
    let name = name(stage);
    let took = match took.as_millis() {
        ms @ ..10_000 => format!("{ms} ms"),
        ms => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
    };
    let line = said! {
        en: "{name:<12} {state:<6} {took:>8}   {detail}",
        es: "{name:<12} {state:<6} {took:>8}   {detail}",
        fa: "{name:<12} {state:<6} {took:>8}   {detail}",
    };
    line.trim_end().to_owned()
}

/// The name of a stage.
const fn name(stage: Stage) -> In {
    match stage {
        Stage::Name => In { en: "name", es: "nombre", fa: "نام" },
        Stage::Connect => In { en: "connection", es: "conexión", fa: "اتصال" },
        Stage::Tls => In { en: "encryption", es: "cifrado", fa: "رمزگذاری" },
        Stage::Upgrade => In { en: "relay", es: "relé", fa: "رله" },
        Stage::Key => In { en: "key", es: "clave", fa: "کلید" },
        Stage::Upstream => In { en: "to WhatsApp", es: "a WhatsApp", fa: "تا واتساپ" },
        Stage::Chat => In { en: "chat", es: "chat", fa: "گفتگو" },
        Stage::Media => In { en: "media", es: "multimedia", fa: "رسانه" },
    }
}

/// What a stage found.
fn of_found(stage: Stage, found: Found) -> String {
    match found {
        Found::Addresses(1) => said! { en: "one address", es: "una dirección", fa: "یک نشانی" },
        Found::Addresses(count) => said! { en: "{count} addresses", es: "{count} direcciones", fa: "{count} نشانی" },
        Found::NoName => {
            said! { en: "it is an address itself", es: "es ya una dirección", fa: "خودش یک نشانی است" }
        }
        Found::AtExit => said! {
            en: "the proxy of this network is asked for it, and can read it",
            es: "se pide al proxy de esta red, que puede leerlo",
            fa: "از پروکسی این شبکه پرسیده می‌شود، که می‌تواند آن را بخواند",
        },
        Found::Open => said! {
            en: "none needed: the relay is open to all",
            es: "no hace falta: el relé está abierto a todos",
            fa: "لازم نیست: رله برای همه باز است",
        },
        Found::Tls(tls) => of_tls(tls).into(),
        Found::AnyTls => said! {
            en: "any certificate is accepted, as WhatsApp accepts any",
            es: "se acepta cualquier certificado, como hace WhatsApp",
            fa: "هر گواهی‌ای پذیرفته می‌شود، همان‌طور که واتساپ می‌پذیرد",
        },
        Found::Whatsapp(_) => said! {
            en: "WhatsApp answered and proved that it is WhatsApp",
            es: "WhatsApp respondió y demostró que es WhatsApp",
            fa: "واتساپ پاسخ داد و ثابت کرد که واتساپ است",
        },
        Found::MediaPort(port) => said! {
            en: "WhatsApp's server for photos and files answered, by port {port}",
            es: "respondió el servidor de WhatsApp para fotos y archivos, por el puerto {port}",
            fa: "سرور واتساپ برای عکس و فایل پاسخ داد، از درگاه {port}",
        },
        Found::Well => of_well(stage).into(),
    }
}

const fn of_well(stage: Stage) -> In {
    match stage {
        Stage::Name | Stage::Connect | Stage::Tls => In { en: "made", es: "hecho", fa: "برقرار شد" },
        Stage::Upgrade => In { en: "it answers", es: "responde", fa: "پاسخ می‌دهد" },
        Stage::Key => {
            In { en: "the relay knows it", es: "el relé la conoce", fa: "رله آن را می‌شناسد" }
        }
        Stage::Upstream => In { en: "the relay reached it", es: "el relé llegó", fa: "رله به آن رسید" },
        Stage::Chat => In { en: "WhatsApp answered", es: "WhatsApp respondió", fa: "واتساپ پاسخ داد" },
        Stage::Media => In {
            en: "WhatsApp's server for photos and files answered",
            es: "respondió el servidor de WhatsApp para fotos y archivos",
            fa: "سرور واتساپ برای عکس و فایل پاسخ داد",
        },
    }
}

const fn of_tls(Tls { name, ech }: Tls) -> In {
    match (name, ech) {
        (_, Ech::Accepted) => In {
            en: "made; the relay's name was hidden (ECH)",
            es: "hecho; el nombre del relé quedó oculto (ECH)",
            fa: "برقرار شد؛ نام رله پنهان ماند (ECH)",
        },
        (Name::None, Ech::Off | Ech::Grease) => In {
            en: "made; no name was shown",
            es: "hecho; no se mostró ningún nombre",
            fa: "برقرار شد؛ هیچ نامی نشان داده نشد",
        },
        (Name::Shown, Ech::Off) => In {
            en: "made; the network can read the name in it",
            es: "hecho; la red puede leer el nombre",
            fa: "برقرار شد؛ شبکه می‌تواند نام درون آن را بخواند",
        },
        (Name::Shown, Ech::Grease) => In {
            en: "made; the network can read the name in it (ECH only pretended)",
            es: "hecho; la red puede leer el nombre (ECH solo se fingió)",
            fa: "برقرار شد؛ شبکه می‌تواند نام درون آن را بخواند (ECH فقط وانمود شد)",
        },
        (Name::Public, Ech::Off | Ech::Grease) => In {
            en: "made; only the CDN's own name was shown",
            es: "hecho; solo se mostró el nombre propio de la CDN",
            fa: "برقرار شد؛ فقط نام خود CDN نشان داده شد",
        },
    }
}
