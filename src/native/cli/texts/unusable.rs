//! Why something that was given cannot be used, in words for people. In English it is what the error says itself.

use super::language::said;
use crate::{
    connect::{Unusable, UnusableExit, UnusableNotes, UnusableProvider},
    link::{PARAMETERS, UnusableLink},
    picture::{PIXELS_MAX, UnusablePicture},
    share::UnusableProxy,
    tls::UnusableAuthority,
};

pub(in super::super) fn link(error: UnusableLink) -> String {
    match error {
        UnusableLink::NoUrl => said! {
            en: "{error}",
            es: "no se parece a https://relay.example/#KEY",
            fa: "شبیه https://relay.example/#KEY نیست",
        },
        UnusableLink::Scheme => said! {
            en: "{error}",
            es: "no empieza por https:// ni por http://",
            fa: "نه با https:// شروع می‌شود و نه با http://",
        },
        UnusableLink::Path => said! {
            en: "{error}",
            es: "contiene algo más que la dirección y #KEY",
            fa: "چیزی بیش از نشانی و #KEY در آن است",
        },
        UnusableLink::Words => said! {
            en: "{error}",
            es: "detrás hay palabras; da solo el enlace",
            fa: "پس از آن واژه‌هایی آمده است؛ فقط خود لینک را بدهید",
        },
        UnusableLink::Cut => said! {
            en: "{error}",
            es: "termina en «…»: falta el resto; copia el enlace entero",
            fa: "به «…» ختم می‌شود: بقیه‌اش نیست؛ کل لینک را کپی کنید",
        },
        UnusableLink::Proxy => said! {
            en: "{error}",
            es: "es el enlace de WhatsApp a un proxy o a un puente; lo acepta pasarela check --via",
            fa: "لینک خود واتساپ به یک پروکسی یا پل است؛ pasarela check --via آن را می‌پذیرد",
        },
        UnusableLink::Redirect => said! {
            en: "{error}",
            es: "es una dirección de alguien que redirige o traduce; pide el enlace mismo",
            fa: "نشانی کسی است که هدایت یا ترجمه می‌کند؛ خود لینک را بخواهید",
        },
        UnusableLink::Foreign(letter) => foreign(error, letter),
        UnusableLink::Key => said! {
            en: "{error}",
            es: "su clave no tiene de 16 a 128 letras, números o signos - _ . ~; quizá falte una parte",
            fa: "کلید آن ۱۶ تا ۱۲۸ حرف انگلیسی، رقم انگلیسی یا - _ . ~ نیست؛ شاید بخشی از آن جا مانده باشد",
        },
        UnusableLink::Parameter(name) => said! {
            en: "{error}",
            es: "el valor de {name}= no se puede usar",
            fa: "مقدار {name}= قابل استفاده نیست",
        },
        UnusableLink::Unknown => {
            let known = PARAMETERS.join(", ");
            said! {
                en: "{error}",
                es: "detrás de # tiene una parte que no es ninguna de {known}, o tiene una dos veces",
                fa: "پس از # بخشی دارد که هیچ‌کدام از {known} نیست، یا یکی را دو بار دارد",
            }
        }
    }
}

fn foreign(error: UnusableLink, letter: char) -> String {
    let code = u32::from(letter);
    said! {
        en: "{error}",
        es: "en su clave está “{letter}” (U+{code:04X}), que solo parece una letra de una clave o se coló por el camino",
        fa: "در کلید آن «{letter}» (U+{code:04X}) هست که فقط شبیه حرفی از یک کلید است، یا در راه به آن افزوده شده است",
    }
}

pub(in super::super) fn setup(error: Unusable) -> String {
    match error {
        Unusable::Name => said! {
            en: "{error}",
            es: "uno de los nombres del enlace no puede estar en ningún certificado",
            fa: "یکی از نام‌های درون لینک نمی‌تواند در هیچ گواهی‌ای باشد",
        },
        Unusable::Ech => said! {
            en: "{error}",
            es: "ech= en el enlace no contiene ninguna configuración que este programa pueda usar",
            fa: "بخش ech= در لینک تنظیمی ندارد که این برنامه بتواند از آن استفاده کند",
        },
        Unusable::Root => said! {
            en: "{error}",
            es: "una de las autoridades añadidas no es un certificado",
            fa: "یکی از مرجع‌های افزوده گواهی نیست",
        },
    }
}

pub(in super::super) fn exit(error: UnusableExit) -> String {
    said! {
        en: "{error}",
        es: "un proxy debe ser http://HOST:PORT o socks5://HOST:PORT, con USER:PASSWORD@ delante de HOST si la pide",
        fa: "پروکسی باید http://HOST:PORT یا socks5://HOST:PORT باشد، با USER:PASSWORD@ پیش از HOST اگر رمز می‌خواهد",
    }
}

pub(in super::super) fn provider(error: UnusableProvider) -> String {
    said! {
        en: "{error}",
        es: "no se parece a https://192.0.2.1/dns-query ni a https://dns.example/dns-query#192.0.2.1",
        fa: "شبیه https://192.0.2.1/dns-query یا https://dns.example/dns-query#192.0.2.1 نیست",
    }
}

pub(in super::super) fn notes(error: &UnusableNotes) -> String {
    match error {
        UnusableNotes::Io(error) => error.to_string(),
        UnusableNotes::Foreign => said! {
            en: "{error}",
            es: "contiene otra cosa, que se deja como está",
            fa: "چیز دیگری در آن است که دست‌نخورده می‌ماند",
        },
    }
}

pub(in super::super) fn proxy(error: UnusableProxy) -> String {
    said! {
        en: "{error}",
        es: "no se parece a 192.168.1.7, 192.168.1.7:5222 ni a https://wa.me/proxy?host=…",
        fa: "شبیه 192.168.1.7، 192.168.1.7:5222 یا https://wa.me/proxy?host=… نیست",
    }
}

pub(in super::super) fn authority(error: UnusableAuthority) -> String {
    said! {
        en: "{error}",
        es: "contiene algo que no es un certificado",
        fa: "چیزی در آن است که گواهی نیست",
    }
}

pub(in super::super) fn picture(error: UnusablePicture) -> String {
    match error {
        UnusablePicture::Kind => said! {
            en: "{error}",
            es: "no es ni PNG ni JPEG",
            fa: "نه PNG است و نه JPEG",
        },
        UnusablePicture::Broken => said! {
            en: "{error}",
            es: "está dañada o le falta una parte",
            fa: "خراب است یا بخشی از آن نیست",
        },
        UnusablePicture::Size => {
            let millions = PIXELS_MAX / 1_000_000;
            said! {
                en: "{error}",
                es: "tiene más de {millions} millones de píxeles",
                fa: "بیش از {millions} میلیون پیکسل دارد",
            }
        }
        UnusablePicture::NoCode => said! {
            en: "{error}",
            es: "no se puede leer ningún código QR en ella",
            fa: "هیچ کد QR خوانایی در آن نیست",
        },
        UnusablePicture::NoLink => said! {
            en: "{error}",
            es: "el código QR que contiene no es un enlace de un relé",
            fa: "کد QR داخل آن لینک یک رله نیست",
        },
    }
}
