//! What a trouble means, in a sentence that stands alone.

use pasarela_core::codes::Code;

use super::{super::language::said, noun};
use crate::{check::What, trouble::Trouble};

/// What a trouble means for what is checked. `today` is what this device takes for the date.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(in super::super::super) fn sentence(trouble: Trouble, what: What, today: &str) -> String {
    let it = noun(what);
    match trouble {
        Trouble::NoResolver => said! {
            en: "Names cannot be looked up here: no name server answers.",
            es: "Aquí no se pueden buscar nombres: no responde ningún servidor de nombres.",
            fa: "اینجا نام‌ها پیدا نمی‌شوند: هیچ سرور نامی پاسخ نمی‌دهد.",
        },
        Trouble::NoAddress => said! {
            en: "The name of the {it} does not exist, or this network hides it.",
            es: "El nombre del {it} no existe o esta red lo oculta.",
            fa: "نام {it} وجود ندارد یا این شبکه آن را پنهان می‌کند.",
        },
        Trouble::NoEch => said! {
            en: "The link asks to hide the {it}'s name, and the key for that (ECH) cannot be looked up.",
            es: "El enlace pide ocultar el nombre del {it}, y no se encuentra la clave para eso (ECH).",
            fa: "لینک می‌خواهد نام {it} پنهان بماند، و کلید این کار (ECH) پیدا نمی‌شود.",
        },
        Trouble::Refused => said! {
            en: "Nothing listens there: the {it} is not running, or its address or port is another.",
            es: "Allí no escucha nada: el {it} no está en marcha, o su dirección o su puerto es otro.",
            fa: "آنجا چیزی گوش نمی‌دهد: {it} روشن نیست، یا نشانی یا درگاه آن چیز دیگری است.",
        },
        Trouble::Unreachable => said! {
            en: "No network leads there; perhaps this device is offline.",
            es: "Ninguna red lleva hasta allí; quizá este dispositivo no tiene conexión.",
            fa: "هیچ شبکه‌ای به آنجا نمی‌رسد؛ شاید این دستگاه به اینترنت وصل نیست.",
        },
        Trouble::ConnectTimeout => said! {
            en: "The {it}'s address does not answer: it is switched off, or this network blocks the address.",
            es: "La dirección del {it} no responde: está apagado o esta red bloquea la dirección.",
            fa: "نشانی {it} پاسخ نمی‌دهد: یا خاموش است یا این شبکه نشانی را بسته است.",
        },
        Trouble::NoExit => said! {
            en: "The proxy that leads out of this network (HTTPS_PROXY or --proxy) cannot be reached, or is not a proxy.",
            es: "No se llega al proxy que lleva fuera de esta red (HTTPS_PROXY o --proxy), o no es un proxy.",
            fa: "به پروکسی‌ای که از این شبکه بیرون می‌برد (HTTPS_PROXY یا --proxy) نمی‌رسیم، یا پروکسی نیست.",
        },
        Trouble::ExitStatus(407) => said! {
            en: "The proxy that leads out of this network wants a password (407).",
            es: "El proxy que lleva fuera de esta red pide una contraseña (407).",
            fa: "پروکسی‌ای که از این شبکه بیرون می‌برد رمز عبور می‌خواهد (407).",
        },
        Trouble::ExitStatus(status) => said! {
            en: "The proxy that leads out of this network does not let the {it} be reached ({status}).",
            es: "El proxy que lleva fuera de esta red no deja llegar al {it} ({status}).",
            fa: "پروکسی‌ای که از این شبکه بیرون می‌برد نمی‌گذارد به {it} برسیم ({status}).",
        },
        Trouble::ExitRefused => said! {
            en: "The proxy that leads out of this network does not let the {it} be reached, or cannot reach it.",
            es: "El proxy que lleva fuera de esta red no deja llegar al {it} o no puede llegar a él.",
            fa: "پروکسی‌ای که از این شبکه بیرون می‌برد نمی‌گذارد به {it} برسیم، یا خودش به آن نمی‌رسد.",
        },
        Trouble::TlsReset => said! {
            en: "The connection was cut when it showed the {it}'s name: this network probably forbids the name.",
            es: "La conexión se cortó al mostrar el nombre del {it}: probablemente esta red prohíbe el nombre.",
            fa: "همین که نام {it} نشان داده شد اتصال قطع شد: احتمالاً این شبکه این نام را ممنوع کرده است.",
        },
        Trouble::HelloDropped => said! {
            en: "What showed the {it}'s name never arrived there, though it was sent again: this network drops what names it.",
            es: "Lo que mostraba el nombre del {it} nunca llegó, aunque se envió otra vez: esta red descarta lo que lo nombra.",
            fa: "آنچه نام {it} را نشان می‌داد هرگز به آنجا نرسید، با اینکه دوباره فرستاده شد: این شبکه هر چه آن را نام ببرد دور می‌ریزد.",
        },
        Trouble::TlsTimeout => said! {
            en: "There was no more answer once the {it}'s name was shown: this network probably forbids the name.",
            es: "No hubo más respuesta después de mostrar el nombre del {it}: probablemente esta red prohíbe el nombre.",
            fa: "پس از نشان دادن نام {it} دیگر پاسخی نیامد: احتمالاً این شبکه این نام را ممنوع کرده است.",
        },
        Trouble::TlsRefused => said! {
            en: "The server there does not know the {it}'s name.",
            es: "El servidor que hay allí no conoce el nombre del {it}.",
            fa: "سروری که آنجاست نام {it} را نمی‌شناسد.",
        },
        Trouble::TlsOther => said! {
            en: "What answers there does not speak TLS as it should.",
            es: "Lo que responde allí no habla TLS como debería.",
            fa: "آنچه آنجا پاسخ می‌دهد آن‌طور که باید TLS حرف نمی‌زند.",
        },
        Trouble::CertificateExpired => said! {
            en: "By this device's clock ({today}) the {it}'s certificate is out of date. The clock is wrong, or whoever runs \
                 the {it} did not renew it.",
            es: "Según la hora de este dispositivo ({today}), el certificado del {it} está vencido. La hora está mal, o quien \
                 administra el {it} no lo renovó.",
            fa: "با ساعت این دستگاه ({today}) گواهی {it} تاریخ‌گذشته است. یا ساعت درست نیست، یا گردانندهٔ {it} آن را تازه نکرده است.",
        },
        Trouble::CertificateNotYetValid => said! {
            en: "By this device's clock ({today}) the {it}'s certificate is not valid yet. Most likely the clock is wrong.",
            es: "Según la hora de este dispositivo ({today}), el certificado del {it} todavía no es válido. Lo más probable es que la \
                 hora esté mal.",
            fa: "با ساعت این دستگاه ({today}) گواهی {it} هنوز معتبر نشده است. به احتمال زیاد ساعت درست نیست.",
        },
        Trouble::CertificateName => said! {
            en: "What answers there is not the {it}: its certificate has another name.",
            es: "Lo que responde allí no es el {it}: su certificado tiene otro nombre.",
            fa: "آنچه آنجا پاسخ می‌دهد {it} نیست: گواهی آن نام دیگری دارد.",
        },
        Trouble::CertificateIssuer => said! {
            en: "Nobody trusted vouches for what answers there. Either the {it} has a certificate of its owner's own, which the \
                 link would have to name (&pin=…), or somebody on the way may be listening.",
            es: "Nadie de confianza responde por lo que contesta allí. O el {it} tiene un certificado propio de su dueño, que el \
                 enlace tendría que nombrar (&pin=…), o puede que alguien en el camino esté escuchando.",
            fa: "هیچ مرجع مورد اعتمادی آنچه را آنجا پاسخ می‌دهد تأیید نمی‌کند. یا گواهی {it} ساختهٔ صاحب آن است، که لینک باید آن را نام \
                 ببرد (&pin=…)، یا شاید کسی در میانهٔ راه گوش می‌دهد.",
        },
        Trouble::CertificateAuthority => said! {
            en: "The {it}'s certificate is an authority's (CA:TRUE), as openssl req -x509 makes them, and cannot be a server's.",
            es: "El certificado del {it} es de una autoridad (CA:TRUE), como los que crea openssl req -x509, y no puede ser de un \
                 servidor.",
            fa: "گواهی {it} مال یک مرجع صدور است (CA:TRUE)، از آن‌ها که openssl req -x509 می‌سازد، و نمی‌تواند مال یک سرور باشد.",
        },
        Trouble::CertificateForm => said! {
            en: "The {it}'s certificate is of a form that programs no longer take, such as version 1 of X.509.",
            es: "El certificado del {it} tiene una forma que los programas ya no aceptan, como la versión 1 de X.509.",
            fa: "گواهی {it} از نوعی است که برنامه‌ها دیگر نمی‌پذیرند، مانند نسخهٔ 1 از X.509.",
        },
        Trouble::CertificatePin => said! {
            en: "What answers there is not the {it} that the link is for.",
            es: "Lo que responde allí no es el {it} al que lleva el enlace.",
            fa: "آنچه آنجا پاسخ می‌دهد آن {it} نیست که لینک برای آن است.",
        },
        Trouble::EchRejected => said! {
            en: "The server does not let the {it}'s name be hidden (ECH).",
            es: "El servidor no permite ocultar el nombre del {it} (ECH).",
            fa: "سرور نمی‌گذارد نام {it} پنهان بماند (ECH).",
        },
        Trouble::UpgradeReset => said! {
            en: "The connection was cut when it asked for the {it}.",
            es: "La conexión se cortó al preguntar por el {it}.",
            fa: "وقتی {it} خواسته شد اتصال قطع شد.",
        },
        Trouble::UpgradeTimeout => said! {
            en: "A server is there, but it does not answer when asked for the {it}.",
            es: "Allí hay un servidor, pero no responde cuando se le pregunta por el {it}.",
            fa: "آنجا سروری هست، اما وقتی {it} از آن خواسته می‌شود پاسخ نمی‌دهد.",
        },
        Trouble::NoWebSockets => said! {
            en: "The {it} is there and knows the key, but the web server in front of it passes no WebSockets on.",
            es: "El {it} está ahí y conoce la clave, pero el servidor web que tiene delante no deja pasar WebSockets.",
            fa: "{it} سر جایش است و کلید را می‌شناسد، اما وب‌سرور جلوی آن WebSocket را عبور نمی‌دهد.",
        },
        Trouble::Elsewhere => said! {
            en: "What answers there is not the {it}: it sends to another site.",
            es: "Lo que responde allí no es el {it}: envía a otro sitio.",
            fa: "آنچه آنجا پاسخ می‌دهد {it} نیست: به سایت دیگری می‌فرستد.",
        },
        Trouble::Status(status) => of_status(status),
        Trouble::ErrorPage(number) => of_page(number),
        Trouble::NoRelay => said! {
            en: "Something answers there, but it is not a relay.",
            es: "Allí responde algo, pero no es un relé.",
            fa: "آنجا چیزی پاسخ می‌دهد، اما رله نیست.",
        },
        Trouble::Key => said! {
            en: "There is no relay under this key: the key is wrong or was taken back.",
            es: "No hay ningún relé con esta clave: la clave está mal o fue retirada.",
            fa: "با این کلید رله‌ای وجود ندارد: کلید اشتباه است یا پس گرفته شده است.",
        },
        Trouble::Stream(code) => of_code(code),
        Trouble::UpstreamTimeout => said! {
            en: "The relay is there, but it does not reach WhatsApp.",
            es: "El relé está ahí, pero no llega a WhatsApp.",
            fa: "رله سر جایش است، اما به واتساپ نمی‌رسد.",
        },
    }
}

fn of_status(status: u16) -> String {
    match status {
        403 | 451 => said! {
            en: "The request for the relay was forbidden (HTTP {status}).",
            es: "La petición al relé fue prohibida (HTTP {status}).",
            fa: "درخواست رله ممنوع شد (HTTP {status}).",
        },
        429 => said! {
            en: "The server there is asked too often at the moment (HTTP 429).",
            es: "El servidor que hay allí recibe ahora demasiadas peticiones (HTTP 429).",
            fa: "الان از سروری که آنجاست بیش از حد درخواست می‌شود (HTTP 429).",
        },
        503 => said! {
            en: "The server there has too much to do at the moment (HTTP 503).",
            es: "El servidor que hay allí tiene ahora demasiado trabajo (HTTP 503).",
            fa: "سروری که آنجاست الان سرش خیلی شلوغ است (HTTP 503).",
        },
        500.. => said! {
            en: "The server there is in trouble (HTTP {status}).",
            es: "El servidor que hay allí tiene problemas (HTTP {status}).",
            fa: "سروری که آنجاست مشکل دارد (HTTP {status}).",
        },
        _ => said! {
            en: "Something answers there, but not as a relay does (HTTP {status}).",
            es: "Allí responde algo, pero no como un relé (HTTP {status}).",
            fa: "آنجا چیزی پاسخ می‌دهد، اما نه مثل یک رله (HTTP {status}).",
        },
    }
}

/// Cloudflare's numbers.
fn of_page(number: u16) -> String {
    match number {
        1027 => said! {
            en: "The relay has used up what its free plan allows for today (Cloudflare 1027).",
            es: "El relé agotó lo que su plan gratuito permite para hoy (Cloudflare 1027).",
            fa: "رله سهم امروز طرح رایگانش را تمام کرده است (Cloudflare 1027).",
        },
        1101 | 1102 => said! {
            en: "The relay's program failed (Cloudflare {number}).",
            es: "Falló el programa del relé (Cloudflare {number}).",
            fa: "برنامهٔ رله از کار افتاد (Cloudflare {number}).",
        },
        1005..=1012 | 1020 => said! {
            en: "Cloudflare forbids this network or country to use the relay ({number}).",
            es: "Cloudflare prohíbe usar el relé desde esta red o este país ({number}).",
            fa: "Cloudflare استفاده از رله را برای این شبکه یا کشور ممنوع کرده است ({number}).",
        },
        1015 => said! {
            en: "The relay is asked too often from here (Cloudflare 1015).",
            es: "El relé recibe demasiadas peticiones desde aquí (Cloudflare 1015).",
            fa: "از اینجا بیش از حد از رله درخواست می‌شود (Cloudflare 1015).",
        },
        _ => said! {
            en: "Cloudflare answers in the relay's place, with error {number}.",
            es: "Cloudflare responde en lugar del relé, con el error {number}.",
            fa: "Cloudflare به جای رله پاسخ می‌دهد، با خطای {number}.",
        },
    }
}

/// Why the relay ended a stream.
pub(in super::super) fn of_code(code: Code) -> String {
    match code {
        Code::UpstreamRefused => said! {
            en: "The relay is there, but WhatsApp's servers refuse its connection.",
            es: "El relé está ahí, pero los servidores de WhatsApp rechazan su conexión.",
            fa: "رله سر جایش است، اما سرورهای واتساپ اتصالش را نمی‌پذیرند.",
        },
        Code::UpstreamTimeout => said! {
            en: "The relay is there, but WhatsApp's servers do not answer it.",
            es: "El relé está ahí, pero los servidores de WhatsApp no le responden.",
            fa: "رله سر جایش است، اما سرورهای واتساپ به آن پاسخ نمی‌دهند.",
        },
        Code::UpstreamReset => said! {
            en: "The relay is there, but its connection to WhatsApp was cut.",
            es: "El relé está ahí, pero se cortó su conexión con WhatsApp.",
            fa: "رله سر جایش است، اما اتصالش به واتساپ قطع شد.",
        },
        Code::Busy => said! {
            en: "The relay is there, but has no room at the moment.",
            es: "El relé está ahí, pero ahora está lleno.",
            fa: "رله سر جایش است، اما الان جا ندارد.",
        },
        Code::Cpu => said! {
            en: "The relay is there, but has used up its computing time.",
            es: "El relé está ahí, pero agotó su tiempo de cálculo.",
            fa: "رله سر جایش است، اما سهم پردازشش تمام شده است.",
        },
        Code::Draining => said! {
            en: "The relay is just being replaced by a newer one.",
            es: "En este momento un relé más nuevo sustituye a este.",
            fa: "همین الان رلهٔ تازه‌تری جای این رله را می‌گیرد.",
        },
        Code::Crashed => said! {
            en: "The relay's program failed just now, and has started anew.",
            es: "El programa del relé acaba de fallar y se ha iniciado otra vez.",
            fa: "برنامهٔ رله همین الان از کار افتاد و دوباره شروع کرده است.",
        },
        Code::Destination => said! {
            en: "The relay does not allow the server that was asked for.",
            es: "El relé no permite el servidor que se le pidió.",
            fa: "رله سروری را که از آن خواسته شد اجازه نمی‌دهد.",
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
        | Code::Flood => said! {
            en: "The relay ended the connection for an unexpected reason.",
            es: "El relé terminó la conexión por una razón inesperada.",
            fa: "رله به دلیلی نامنتظر اتصال را پایان داد.",
        },
    }
}
