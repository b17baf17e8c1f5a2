//! A trouble in few words: behind the relay's name, on a line with other things.

use pasarela_core::codes::Code;

use super::super::language::said;
use crate::trouble::Trouble;

/// The few words for a trouble.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(in super::super::super) fn few(trouble: Trouble) -> String {
    match trouble {
        Trouble::NoResolver => said! {
            en: "no answer to the question for its address",
            es: "nadie responde a la pregunta por su dirección",
            fa: "کسی به پرسش دربارهٔ نشانی‌اش پاسخ نمی‌دهد",
        },
        Trouble::NoAddress => said! {
            en: "its name does not exist, or is blocked",
            es: "su nombre no existe o está bloqueado",
            fa: "نامش وجود ندارد یا بسته شده است",
        },
        Trouble::NoEch => said! {
            en: "the key to hide its name (ECH) cannot be looked up",
            es: "no se encuentra la clave para ocultar su nombre (ECH)",
            fa: "کلید پنهان کردن نامش (ECH) پیدا نمی‌شود",
        },
        Trouble::Refused => said! {
            en: "nothing answers at its address",
            es: "nada responde en su dirección",
            fa: "در نشانی‌اش چیزی پاسخ نمی‌دهد",
        },
        Trouble::Unreachable => said! {
            en: "no network leads there; is this computer online?",
            es: "ninguna red lleva hasta allí; ¿tiene conexión esta computadora?",
            fa: "هیچ شبکه‌ای به آنجا نمی‌رسد؛ این رایانه به اینترنت وصل است؟",
        },
        Trouble::ConnectTimeout => said! {
            en: "its address does not answer, or is blocked",
            es: "su dirección no responde o está bloqueada",
            fa: "نشانی‌اش پاسخ نمی‌دهد یا بسته شده است",
        },
        Trouble::NoExit => said! {
            en: "the proxy of this network (HTTPS_PROXY or --proxy) cannot be reached",
            es: "no se llega al proxy de esta red (HTTPS_PROXY o --proxy)",
            fa: "به پروکسی این شبکه (HTTPS_PROXY یا --proxy) نمی‌رسیم",
        },
        Trouble::ExitStatus(407) => said! {
            en: "the proxy of this network wants a password",
            es: "el proxy de esta red pide una contraseña",
            fa: "پروکسی این شبکه رمز عبور می‌خواهد",
        },
        Trouble::ExitStatus(status) => said! {
            en: "the proxy of this network refuses ({status})",
            es: "el proxy de esta red se niega ({status})",
            fa: "پروکسی این شبکه نمی‌پذیرد ({status})",
        },
        Trouble::ExitRefused => said! {
            en: "the proxy of this network refuses, or does not reach it",
            es: "el proxy de esta red se niega o no llega hasta él",
            fa: "پروکسی این شبکه نمی‌پذیرد یا به آن نمی‌رسد",
        },
        Trouble::TlsReset => said! {
            en: "cut off as soon as its name was seen: its name is blocked",
            es: "cortado en cuanto se vio su nombre: su nombre está bloqueado",
            fa: "همین که نامش دیده شد قطع شد: نامش بسته شده است",
        },
        Trouble::HelloDropped => said! {
            en: "what shows its name never arrives: this network drops it",
            es: "lo que muestra su nombre nunca llega: esta red lo descarta",
            fa: "آنچه نامش را نشان می‌دهد هرگز نمی‌رسد: این شبکه آن را دور می‌ریزد",
        },
        Trouble::TlsTimeout => said! {
            en: "silent as soon as its name was seen: its name is probably blocked",
            es: "mudo en cuanto se vio su nombre: probablemente su nombre está bloqueado",
            fa: "همین که نامش دیده شد خاموش ماند: احتمالاً نامش بسته شده است",
        },
        Trouble::TlsRefused => said! {
            en: "the website there does not know its name",
            es: "el sitio web que hay allí no conoce su nombre",
            fa: "سایتی که آنجاست نامش را نمی‌شناسد",
        },
        Trouble::TlsOther => said! {
            en: "what answers there is not a secure website",
            es: "lo que responde allí no es un sitio web seguro",
            fa: "آنچه آنجا پاسخ می‌دهد یک سایت امن نیست",
        },
        Trouble::CertificateExpired => said! {
            en: "its certificate has expired, or the clock of this computer is wrong",
            es: "su certificado está vencido o la hora de esta computadora está mal",
            fa: "گواهی‌اش تاریخ‌گذشته است یا ساعت این رایانه درست نیست",
        },
        Trouble::CertificateNotYetValid => said! {
            en: "its certificate is not valid yet: the clock of this computer is probably wrong",
            es: "su certificado todavía no es válido: probablemente la hora de esta computadora está mal",
            fa: "گواهی‌اش هنوز معتبر نشده است: احتمالاً ساعت این رایانه درست نیست",
        },
        Trouble::CertificateName => said! {
            en: "somebody else answers in its place: wrong certificate",
            es: "otro responde en su lugar: el certificado no es el suyo",
            fa: "کس دیگری به جای آن پاسخ می‌دهد: گواهی مال آن نیست",
        },
        Trouble::CertificateIssuer => said! {
            en: "nobody trusted vouches for its certificate: its owner's own, or somebody in between",
            es: "nadie de confianza responde por su certificado: es propio de su dueño o hay alguien en medio",
            fa: "هیچ مرجع مورد اعتمادی گواهی‌اش را تأیید نمی‌کند: یا ساختهٔ صاحب آن است یا کسی در میانه نشسته است",
        },
        Trouble::CertificateAuthority => said! {
            en: "its certificate is an authority's, not a server's; its owner must make another",
            es: "su certificado es de una autoridad, no de un servidor; su dueño debe crear otro",
            fa: "گواهی‌اش مال یک مرجع صدور است، نه یک سرور؛ صاحب آن باید گواهی دیگری بسازد",
        },
        Trouble::CertificateForm => said! {
            en: "its certificate is of an old form (version 1); its owner must make another",
            es: "su certificado tiene una forma antigua (versión 1); su dueño debe crear otro",
            fa: "گواهی‌اش از نوع قدیمی است (نسخهٔ 1)؛ صاحب آن باید گواهی دیگری بسازد",
        },
        Trouble::CertificatePin => said! {
            en: "another certificate than the one in the link",
            es: "un certificado distinto del que dice el enlace",
            fa: "گواهی دیگری غیر از آنچه در لینک آمده است",
        },
        Trouble::EchRejected => said! {
            en: "it does not take an encrypted name",
            es: "no acepta un nombre cifrado",
            fa: "نام رمزشده را نمی‌پذیرد",
        },
        Trouble::UpgradeReset => said! {
            en: "cut off when asked for the relay",
            es: "cortado al preguntar por el relé",
            fa: "وقتی رله از آن خواسته شد قطع شد",
        },
        Trouble::UpgradeTimeout => said! {
            en: "silent when asked for the relay",
            es: "mudo al preguntar por el relé",
            fa: "وقتی رله از آن خواسته شد پاسخی نداد",
        },
        Trouble::NoWebSockets => said! {
            en: "the web server in front of it passes no WebSockets on; its owner must look",
            es: "el servidor web que tiene delante no deja pasar WebSockets; su dueño debe mirarlo",
            fa: "وب‌سرور جلوی آن WebSocket را عبور نمی‌دهد؛ صاحب آن باید نگاه کند",
        },
        Trouble::Elsewhere => said! {
            en: "it sends elsewhere: a log-in page of this network, or another site",
            es: "envía a otra parte: a la página de acceso de esta red o a otro sitio",
            fa: "به جای دیگری می‌فرستد: صفحهٔ ورود این شبکه یا سایتی دیگر",
        },
        Trouble::Status(status) => of_status(status),
        Trouble::ErrorPage(number) => of_page(number),
        Trouble::NoRelay => said! {
            en: "there is a website, but not a relay",
            es: "hay un sitio web, pero ningún relé",
            fa: "آنجا سایتی هست، اما رله نیست",
        },
        Trouble::Key => said! {
            en: "the key in the link is wrong or no longer valid",
            es: "la clave del enlace está mal o ya no vale",
            fa: "کلید درون لینک اشتباه است یا دیگر اعتبار ندارد",
        },
        Trouble::Stream(code) => of_code(code),
        Trouble::UpstreamTimeout => said! {
            en: "it cannot reach WhatsApp: no answer",
            es: "no llega a WhatsApp: no hay respuesta",
            fa: "به واتساپ نمی‌رسد: پاسخی نیست",
        },
    }
}

fn of_status(status: u16) -> String {
    match status {
        403 | 451 => said! {
            en: "access is forbidden there ({status})",
            es: "allí está prohibido el acceso ({status})",
            fa: "دسترسی به آن ممنوع است ({status})",
        },
        429 => said! {
            en: "it is asked too often now (429)",
            es: "ahora recibe demasiadas peticiones (429)",
            fa: "الان بیش از حد از آن درخواست می‌شود (429)",
        },
        503 => said! {
            en: "it has too much to do now (503)",
            es: "ahora tiene demasiado trabajo (503)",
            fa: "الان سرش خیلی شلوغ است (503)",
        },
        500.. => said! {
            en: "the server there is in trouble ({status})",
            es: "el servidor que hay allí tiene problemas ({status})",
            fa: "سروری که آنجاست مشکل دارد ({status})",
        },
        _ => said! {
            en: "it does not answer as a relay does ({status})",
            es: "no responde como un relé ({status})",
            fa: "مثل یک رله پاسخ نمی‌دهد ({status})",
        },
    }
}

/// Cloudflare's numbers.
fn of_page(number: u16) -> String {
    match number {
        1027 => said! {
            en: "the relay's free requests of today are used up",
            es: "se agotaron las peticiones gratuitas del relé para hoy",
            fa: "سهم رایگان امروز رله تمام شده است",
        },
        1101 | 1102 => said! {
            en: "the relay's program failed; its owner must look",
            es: "falló el programa del relé; su dueño debe mirarlo",
            fa: "برنامهٔ رله از کار افتاد؛ صاحب آن باید نگاه کند",
        },
        1005..=1012 | 1020 => said! {
            en: "Cloudflare forbids this network or country to use it",
            es: "Cloudflare prohíbe usarlo desde esta red o este país",
            fa: "Cloudflare استفاده از آن را برای این شبکه یا کشور ممنوع کرده است",
        },
        1015 => said! {
            en: "it is asked too often from here",
            es: "recibe demasiadas peticiones desde aquí",
            fa: "از اینجا بیش از حد از آن درخواست می‌شود",
        },
        _ => said! {
            en: "Cloudflare answers in its place, with error {number}",
            es: "Cloudflare responde en su lugar, con el error {number}",
            fa: "Cloudflare به جای آن پاسخ می‌دهد، با خطای {number}",
        },
    }
}

/// Why the relay ended a stream.
fn of_code(code: Code) -> String {
    match code {
        Code::UpstreamRefused => said! {
            en: "it cannot reach WhatsApp: refused",
            es: "no llega a WhatsApp: lo rechazan",
            fa: "به واتساپ نمی‌رسد: پذیرفته نمی‌شود",
        },
        Code::UpstreamTimeout => few(Trouble::UpstreamTimeout),
        Code::UpstreamReset => said! {
            en: "its connection to WhatsApp was cut",
            es: "se cortó su conexión con WhatsApp",
            fa: "اتصالش به واتساپ قطع شد",
        },
        Code::Busy => said! {
            en: "it has no room now",
            es: "ahora está lleno",
            fa: "الان جا ندارد",
        },
        Code::Cpu => said! {
            en: "it has used up its computing time",
            es: "agotó su tiempo de cálculo",
            fa: "سهم پردازشش تمام شده است",
        },
        Code::Draining => said! {
            en: "it is just being replaced by a newer one",
            es: "en este momento lo sustituye uno más nuevo",
            fa: "همین الان نسخهٔ تازه‌تری جایش را می‌گیرد",
        },
        Code::Crashed => said! {
            en: "its program failed just now, and has started anew",
            es: "su programa acaba de fallar y se ha iniciado otra vez",
            fa: "برنامه‌اش همین الان از کار افتاد و دوباره شروع کرده است",
        },
        Code::Destination => said! {
            en: "it does not allow the server that was asked for",
            es: "no permite el servidor que se le pidió",
            fa: "سروری را که از آن خواسته شد اجازه نمی‌دهد",
        },
        Code::End
        | Code::Text
        | Code::Garbage
        | Code::Silent
        | Code::TooBig
        | Code::Queue
        | Code::Protocol
        | Code::Superseded
        | Code::Gone
        | Code::Idle
        | Code::Flood => {
            let token = code.token();
            said! {
                en: "it ended the connection: {token}",
                es: "terminó la conexión: {token}",
                fa: "اتصال را پایان داد: {token}",
            }
        }
    }
}
