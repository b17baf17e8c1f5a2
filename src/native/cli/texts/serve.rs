//! What `pasarela serve` says to whoever runs it. Its log is for programs, and in English.

use std::{net::SocketAddr, path::Path};

use super::language::{In, said};
use crate::serve::{CertificateError, SiteError};

/// Where it listens.
pub(in super::super) fn listening(relay: &str, metrics: Option<SocketAddr>, phones: &[SocketAddr]) -> String {
    let mut lines = said! { en: "relay      {relay}\n", es: "relé       {relay}\n", fa: "رله        {relay}\n" };
    if let Some(metrics) = metrics {
        lines += &said! {
            en: "metrics    http://{metrics}/metrics\n",
            es: "métricas   http://{metrics}/metrics\n",
            fa: "سنجه‌ها     http://{metrics}/metrics\n",
        };
    }
    for phone in phones {
        lines += &said! {
            en: "phones     {phone}, no key needed\n",
            es: "teléfonos  {phone}, sin clave\n",
            fa: "گوشی‌ها     {phone}، بدون کلید\n",
        };
    }
    let end =
        In { en: "Ends on Ctrl-C.\n", es: "Termina con Ctrl-C.\n", fa: "با Ctrl-C پایان می‌یابد.\n" };
    lines + &end.text()
}

pub(in super::super) fn warning(text: &str) -> String {
    said! { en: "warning: {text}", es: "aviso: {text}", fa: "هشدار: {text}" }
}

/// What is no error, and most likely not meant.
pub(in super::super) const CLOSED: In = In {
    en: "no key is set, so nobody can use this relay: set the variable RELAY_KEYS to me=KEY, or use --relay-keys-file FILE",
    es: "no hay ninguna clave, así que nadie puede usar este relé: pon en la variable RELAY_KEYS me=KEY, o usa --relay-keys-file FILE",
    fa: "هیچ کلیدی تعیین نشده، پس کسی نمی‌تواند از این رله استفاده کند: در متغیر RELAY_KEYS بگذارید me=KEY، یا از --relay-keys-file FILE استفاده کنید",
};
pub(in super::super) const PLAIN: In = In {
    en: "plain HTTP, not only on this machine: networks in between see the key. Use --cert and --key, or put it behind a web server",
    es: "HTTP sin cifrar, no solo en esta máquina: las redes del camino ven la clave. Usa --cert y --key, o ponlo detrás de un servidor web",
    fa: "ارتباط HTTP بدون رمزگذاری، نه فقط روی همین دستگاه: شبکه‌های میانهٔ راه کلید را می‌بینند. از --cert و --key استفاده کنید، یا آن را پشت یک وب‌سرور بگذارید",
};
pub(in super::super) const NO_EFFECT: In = In {
    en: "PROXY_HEADER has no effect on /ws/chat while WEB_UPSTREAM is wss",
    es: "PROXY_HEADER no tiene efecto en /ws/chat mientras WEB_UPSTREAM sea wss",
    fa: "متغیر PROXY_HEADER روی /ws/chat اثری ندارد تا وقتی که WEB_UPSTREAM برابر wss است",
};
pub(in super::super) fn too_many(wanted: usize, allowed: usize) -> String {
    said! {
        en: "--max-connections {wanted} is more than --memory allows, which is {allowed}",
        es: "--max-connections {wanted} es más de lo que permite --memory, que es {allowed}",
        fa: "مقدار --max-connections {wanted} بیش از آن است که --memory اجازه می‌دهد، یعنی {allowed}",
    }
}
pub(in super::super) fn few_files(files: u64, enough: u64) -> String {
    said! {
        en: "{files} open files are allowed, which is enough for {enough} WebSockets: see `ulimit -n`, or set --max-connections",
        es: "se permiten {files} archivos abiertos, que bastan para {enough} WebSockets: mira `ulimit -n`, o pon --max-connections",
        fa: "تا {files} فایل باز مجاز است، که برای {enough} اتصال WebSocket کافی است: `ulimit -n` را ببینید، یا --max-connections را بگذارید",
    }
}
pub(in super::super) const NO_RESOLVER: In = In {
    en: "there is no /etc/resolv.conf, so WhatsApp's servers cannot be looked up: in a container, mount one",
    es: "no hay /etc/resolv.conf, así que no se pueden buscar los servidores de WhatsApp: en un contenedor, monta uno",
    fa: "فایل /etc/resolv.conf نیست، پس سرورهای واتساپ پیدا نمی‌شوند: در یک کانتینر آن را mount کنید",
};
pub(in super::super) const NO_SITE_DIR: In = In {
    en: "SITE is own, but there is no --site-dir: strangers see nothing at all",
    es: "SITE es own, pero no hay --site-dir: los extraños no ven nada",
    fa: "متغیر SITE برابر own است، اما --site-dir نیست: غریبه‌ها هیچ چیز نمی‌بینند",
};
pub(in super::super) const UNUSED_SITE_DIR: In = In {
    en: "--site-dir is not used, because SITE is not own",
    es: "--site-dir no se usa, porque SITE no es own",
    fa: "گزینهٔ --site-dir به کار نمی‌رود، چون SITE برابر own نیست",
};
pub(in super::super) const GUIDE: In = In {
    en: "SITE is guide: anyone who opens the relay's address is told what it is",
    es: "SITE es guide: a quien abra la dirección del relé se le dice lo que es",
    fa: "متغیر SITE برابر guide است: به هر کس نشانی رله را باز کند گفته می‌شود که چیست",
};
pub(in super::super) fn left_out(links: usize) -> String {
    said! {
        en: "{links} links in --site-dir lead out of it and are not served",
        es: "{links} enlaces en --site-dir llevan fuera de él y no se muestran",
        fa: "{links} پیوند در --site-dir به بیرون از آن می‌رسند و نشان داده نمی‌شوند",
    }
}

/// What keeps it from beginning.
pub(in super::super) const ANOTHER_ADDRESS: In =
    In {
        en: "another address or port", es: "otra dirección u otro puerto", fa: "نشانی یا درگاهی دیگر"
    };
pub(in super::super) const NO_CERTIFICATE_FOR_PHONES: In = In {
    en: "cannot make a certificate for phones",
    es: "no se puede crear un certificado para los teléfonos",
    fa: "نمی‌توان برای گوشی‌ها گواهی ساخت",
};
pub(in super::super) const TELL_US: In = In {
    en: "start it again; if that does not help, tell us",
    es: "iniciarlo otra vez; si no ayuda, avísanos",
    fa: "شروع دوبارهٔ آن؛ اگر کمکی نکرد، به ما خبر بدهید",
};
pub(in super::super) fn no_keys(file: &Path) -> String {
    let file = file.display();
    said! { en: "cannot use {file}", es: "no se puede usar {file}", fa: "نمی‌توان از {file} استفاده کرد" }
}
pub(in super::super) const NO_KEY_IN_IT: In =
    In { en: "there is no key in it", es: "no contiene ninguna clave", fa: "هیچ کلیدی در آن نیست" };
pub(in super::super) const NEW_KEY: In = In {
    en: "`pasarela keys new NAME --file FILE`",
    es: "con `pasarela keys new NAME --file FILE`",
    fa: "با `pasarela keys new NAME --file FILE`",
};
pub(in super::super) fn unreadable(file: &Path) -> String {
    let file = file.display();
    said! { en: "cannot read {file}", es: "no se puede leer {file}", fa: "نمی‌توان {file} را خواند" }
}
pub(in super::super) const READABLE_FILE: In = In {
    en: "a file that this user may read",
    es: "un archivo que este usuario pueda leer",
    fa: "فایلی که این کاربر بتواند بخواند",
};
pub(in super::super) const NO_START: In =
    In {
        en: "cannot start the relay", es: "no se puede iniciar el relé", fa: "نمی‌توان رله را شروع کرد"
    };
pub(in super::super) const AS_HELP_SAYS: In = In {
    en: "the variable, or the flag of the same name, as `pasarela serve --help` describes it",
    es: "la variable, o la opción del mismo nombre, como la describe `pasarela serve --help`",
    fa: "متغیر، یا گزینهٔ هم‌نام آن، همان‌طور که `pasarela serve --help` می‌گوید",
};
pub(in super::super) const NO_SITE: In =
    In {
        en: "cannot read the site", es: "no se puede leer el sitio", fa: "نمی‌توان سایت را خواند"
    };
pub(in super::super) const ANOTHER_SITE: In = In {
    en: "a folder with an index.html, or a web server in front for a large site",
    es: "una carpeta con un index.html, o un servidor web delante si el sitio es grande",
    fa: "پوشه‌ای با یک index.html، یا برای سایت بزرگ یک وب‌سرور در جلو",
};
pub(in super::super) const NO_CERTIFICATE: In =
    In {
        en: "cannot use the certificate", es: "no se puede usar el certificado", fa: "نمی‌توان از گواهی استفاده کرد"
    };
pub(in super::super) const CERTIFICATE_FILES: In = In {
    en: "the two files of one certificate in PEM, such as certbot's fullchain.pem and privkey.pem",
    es: "los dos archivos de un mismo certificado en PEM, como fullchain.pem y privkey.pem de certbot",
    fa: "دو فایل یک گواهی در قالب PEM، مانند fullchain.pem و privkey.pem از certbot",
};

/// Why a folder is no site.
pub(in super::super) fn site(error: &SiteError) -> String {
    match error {
        SiteError::Io(..) => error.to_string(),
        SiteError::TooLarge => said! {
            en: "{error}",
            es: "es demasiado grande o tiene demasiados archivos",
            fa: "بیش از حد بزرگ است یا بیش از حد فایل دارد",
        },
        SiteError::Links(path) => {
            let file = path.display();
            said! {
                en: "{error}",
                es: "{file} solo contiene enlaces que llevan fuera de ella, que no se siguen",
                fa: "در {file} فقط پیوندهایی هست که به بیرون از آن می‌رسند و دنبال نمی‌شوند",
            }
        }
    }
}

/// Why files give no certificate to be used.
pub(in super::super) fn certificate(error: &CertificateError) -> String {
    let shown = |file: &Path| file.display().to_string();
    match error {
        CertificateError::Unreadable(..) => error.to_string(),
        CertificateError::NoCertificate(file) => {
            let file = shown(file);
            said! {
                en: "{error}",
                es: "{file} no contiene ningún certificado en PEM",
                fa: "در {file} هیچ گواهی‌ای در قالب PEM نیست",
            }
        }
        CertificateError::Form(file) => {
            let file = shown(file);
            said! {
                en: "{error}",
                es: "el certificado en {file} tiene una forma que ningún cliente acepta, seguramente la versión 1 de X.509; \
                     openssl req -x509 -addext basicConstraints=critical,CA:FALSE crea uno de la versión 3",
                fa: "گواهی درون {file} از نوعی است که هیچ برنامه‌ای نمی‌پذیرد، به احتمال زیاد نسخهٔ 1 از X.509؛ فرمان \
                     openssl req -x509 -addext basicConstraints=critical,CA:FALSE یکی از نسخهٔ 3 می‌سازد",
            }
        }
        CertificateError::NoKey(file) => {
            let file = shown(file);
            said! {
                en: "{error}",
                es: "{file} no contiene ninguna clave privada en PEM",
                fa: "در {file} هیچ کلید خصوصی در قالب PEM نیست",
            }
        }
        CertificateError::Mismatch(files) => {
            let (key, file) = (shown(&files.key), shown(&files.certificate));
            said! {
                en: "{error}",
                es: "la clave en {key} no es la del certificado en {file}",
                fa: "کلید درون {key} مال گواهی درون {file} نیست",
            }
        }
        CertificateError::Expired(file) => {
            let file = shown(file);
            said! {
                en: "{error}",
                es: "el certificado en {file} está vencido",
                fa: "گواهی درون {file} تاریخ‌گذشته است",
            }
        }
        CertificateError::NotYetValid(file) => {
            let file = shown(file);
            said! {
                en: "{error}",
                es: "el certificado en {file} todavía no es válido",
                fa: "گواهی درون {file} هنوز معتبر نشده است",
            }
        }
    }
}
