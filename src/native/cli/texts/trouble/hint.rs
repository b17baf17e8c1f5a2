//! What to try next, behind "try:".

use super::super::language::In;
use crate::trouble::Hint;

/// What to try next.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(in super::super::super) const fn advice(hint: Hint) -> In {
    match hint {
        Hint::Network => In {
            en: "check that this device is online, for example with another site; then try another network.",
            es: "mira si este dispositivo tiene conexión, por ejemplo con otro sitio; después prueba otra red.",
            fa: "ببینید این دستگاه به اینترنت وصل است یا نه، مثلاً با سایتی دیگر؛ سپس شبکهٔ دیگری را امتحان کنید.",
        },
        Hint::Link => In {
            en: "compare the link with the one that was sent to you, letter by letter; perhaps a part is missing.",
            es: "compara el enlace con el que te enviaron, letra por letra; quizá falte una parte.",
            fa: "لینک را حرف به حرف با لینکی که برایتان فرستاده شده مقایسه کنید؛ شاید بخشی از آن جا مانده باشد.",
        },
        Hint::Operator => In {
            en: "tell whoever runs the relay that it is down, and use another relay until it is back.",
            es: "avisa a quien administra el relé de que no funciona y usa otro relé hasta que vuelva.",
            fa: "به گردانندهٔ رله خبر بدهید که از کار افتاده است و تا برگشتنش از رلهٔ دیگری استفاده کنید.",
        },
        Hint::OtherAddress => In {
            en: "another network; then another relay, or a link with another address (&addr=…).",
            es: "otra red; después otro relé o un enlace con otra dirección (&addr=…).",
            fa: "شبکه‌ای دیگر؛ سپس رله‌ای دیگر، یا لینکی با نشانی دیگر (&addr=…).",
        },
        Hint::HideName => In {
            en: "the link with &ech=auto or &sni=none at its end; then another network or another relay.",
            es: "el enlace con &ech=auto o &sni=none al final; después otra red u otro relé.",
            fa: "لینک را با &ech=auto یا &sni=none در پایانش؛ سپس شبکه‌ای دیگر یا رله‌ای دیگر.",
        },
        Hint::SetClock => In {
            en: "set this device's date, time and time zone, ideally from the network, and check again.",
            es: "pon bien la fecha, la hora y la zona horaria de este dispositivo, mejor en automático, y comprueba otra vez.",
            fa: "تاریخ، ساعت و منطقهٔ زمانی این دستگاه را درست کنید، بهتر است روی خودکار، و دوباره بررسی کنید.",
        },
        Hint::LookAtClock => In {
            en: "compare this device's date and time with another clock, correct them, and check again.",
            es: "compara la fecha y la hora de este dispositivo con otro reloj, corrígelas y comprueba otra vez.",
            fa: "تاریخ و ساعت این دستگاه را با ساعت دیگری مقایسه کنید، درستشان کنید و دوباره بررسی کنید.",
        },
        Hint::Intercepted => In {
            en: "another network. If this one has a log-in page, log in first. Never continue past such a warning.",
            es: "otra red. Si esta tiene una página de acceso, entra primero en ella. Nunca sigas adelante con un aviso así.",
            fa: "شبکه‌ای دیگر. اگر این شبکه صفحهٔ ورود دارد، اول وارد شوید. هرگز از چنین هشداری نگذرید.",
        },
        Hint::Ech => In {
            en: "the link without its part &ech=…, if the relay's name may be seen; else another relay.",
            es: "el enlace sin su parte &ech=…, si se puede ver el nombre del relé; si no, otro relé.",
            fa: "لینک را بدون بخش &ech=…، اگر دیده شدن نام رله اشکالی ندارد؛ وگرنه رله‌ای دیگر.",
        },
        Hint::Exit => In {
            en: "compare --proxy, HTTPS_PROXY and ALL_PROXY with what this network says; http://USER:PASSWORD@HOST:PORT if it \
                 wants a password; or remove them all, if there is another way out.",
            es: "compara --proxy, HTTPS_PROXY y ALL_PROXY con lo que dice esta red; http://USER:PASSWORD@HOST:PORT si pide una \
                 contraseña; o quítalos todos, si hay otra salida.",
            fa: "مقدار --proxy، HTTPS_PROXY و ALL_PROXY را با آنچه این شبکه می‌گوید مقایسه کنید؛ http://USER:PASSWORD@HOST:PORT اگر رمز \
                 عبور می‌خواهد؛ یا اگر راه دیگری به بیرون هست همه را بردارید.",
        },
        Hint::Front => In {
            en: "tell whoever runs the relay. In nginx: proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade, \
                 proxy_set_header Connection upgrade. At a CDN: WebSockets on.",
            es: "avisa a quien administra el relé. En nginx: proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade, \
                 proxy_set_header Connection upgrade. En una CDN: activar WebSockets.",
            fa: "به گردانندهٔ رله خبر بدهید. در nginx این‌ها را بگذارید: proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade, \
                 proxy_set_header Connection upgrade. در یک CDN گزینهٔ WebSockets را روشن کنید.",
        },
        Hint::Certificate => In {
            en: "tell whoever runs the relay: a certificate of version 3 with CA:FALSE, or one of an authority such as \
                 Let's Encrypt. With one of their own the link needs its fingerprint (&pin=…).",
            es: "avisa a quien administra el relé: un certificado de la versión 3 con CA:FALSE, o uno de una autoridad como \
                 Let's Encrypt. Con uno propio, el enlace necesita su huella (&pin=…).",
            fa: "به گردانندهٔ رله بگویید: گواهی نسخهٔ 3 با CA:FALSE، یا گواهی یک مرجع صدور مانند Let's Encrypt. با گواهی ساختهٔ خودش، لینک \
                 به اثر انگشت آن نیاز دارد (&pin=…).",
        },
        Hint::Slow => In {
            en: "again with --timeout 60, or where the line is better.",
            es: "otra vez con --timeout 60, o donde la línea sea mejor.",
            fa: "دوباره با --timeout 60، یا جایی که اینترنت بهتر است.",
        },
        Hint::Forbidden => In {
            en: "another network. If it is forbidden there too, ask whoever runs the relay.",
            es: "otra red. Si allí también está prohibido, pregunta a quien administra el relé.",
            fa: "شبکه‌ای دیگر. اگر آنجا هم ممنوع است، از گردانندهٔ رله بپرسید.",
        },
        Hint::Tomorrow => In {
            en: "another relay until midnight UTC; whoever runs this one should know that it is used that much.",
            es: "otro relé hasta la medianoche UTC; quien administra este debería saber que se usa tanto.",
            fa: "رله‌ای دیگر تا نیمه‌شب UTC؛ خوب است گردانندهٔ این رله بداند که این‌قدر از آن استفاده می‌شود.",
        },
        Hint::Later => In {
            en: "again in some minutes; then tell whoever runs the relay.",
            es: "otra vez en unos minutos; después avisa a quien administra el relé.",
            fa: "چند دقیقهٔ دیگر دوباره؛ سپس به گردانندهٔ رله خبر بدهید.",
        },
        Hint::NewLink => In {
            en: "compare the link with the one that was sent to you; then ask whoever runs the relay for a new one.",
            es: "compara el enlace con el que te enviaron; después pide uno nuevo a quien administra el relé.",
            fa: "لینک را با لینکی که برایتان فرستاده شده مقایسه کنید؛ سپس از گردانندهٔ رله لینک تازه‌ای بخواهید.",
        },
        Hint::RelaysWay => In {
            en: "again in some minutes; then another relay, and tell whoever runs this one.",
            es: "otra vez en unos minutos; después otro relé, y avisa a quien administra este.",
            fa: "چند دقیقهٔ دیگر دوباره؛ سپس رله‌ای دیگر، و به گردانندهٔ این رله خبر بدهید.",
        },
        Hint::DoNotUse => In {
            en: "do not use it, and change nothing on the phone. Use another one, of somebody you trust. If the same \
                 happens with others, the network that you are in tampers.",
            es: "no lo uses y no cambies nada en el teléfono. Usa otro, de alguien de confianza. Si ocurre lo mismo con otros, \
                 es tu red la que manipula la conexión.",
            fa: "از آن استفاده نکنید و چیزی را روی گوشی تغییر ندهید. از یکی دیگر استفاده کنید، از کسی که به او اعتماد دارید. اگر با \
                 بقیه هم همین پیش آمد، این شبکهٔ شماست که اتصال را دستکاری می‌کند.",
        },
        Hint::Newer => In {
            en: "again tomorrow, and a newer version of this program.",
            es: "otra vez mañana, y una versión más nueva de este programa.",
            fa: "فردا دوباره، و نسخهٔ تازه‌تری از این برنامه.",
        },
        Hint::Proxy => In {
            en: "see whether it runs, and whether address and port are right; a bridge needs the same Wi-Fi.",
            es: "mira si está en marcha y si la dirección y el puerto son correctos; un puente necesita la misma wifi.",
            fa: "ببینید روشن است و نشانی و درگاهش درست است یا نه؛ پل باید در همان وای‌فای باشد.",
        },
        Hint::Ports => In {
            en: "for a bridge, see what it says itself about its relay; for another proxy, see whether port and TLS are right \
                 (--chat-port, --tls=true or --tls=false).",
            es: "si es un puente, mira qué dice él mismo de su relé; si es otro proxy, mira si el puerto y TLS son correctos \
                 (--chat-port, --tls=true o --tls=false).",
            fa: "اگر پل است، ببینید خودش دربارهٔ رله‌اش چه می‌گوید؛ اگر پروکسی دیگری است، ببینید درگاه و TLS درست است یا نه \
                 (--chat-port، --tls=true یا --tls=false).",
        },
        Hint::MediaPort => In {
            en: "the proxy's port for media, with --media-port (often 587, or the same as for chat).",
            es: "el puerto multimedia del proxy, con --media-port (a menudo 587 o el mismo que para el chat).",
            fa: "درگاه رسانهٔ پروکسی، با --media-port (اغلب 587، یا همان درگاه گفتگو).",
        },
    }
}
