//! What `pasarela keys` says, and `pasarela deploy` of keys.

use std::io;

use super::language::{In, said};
use crate::deploy::{KeyFileError, UnusableName};

pub(in super::super) fn name(error: UnusableName) -> String {
    said! {
        en: "{error}",
        es: "un nombre tiene de 1 a 32 letras de a-z, números y _",
        fa: "نام از ۱ تا ۳۲ حرف انگلیسی a-z، رقم انگلیسی و _ است",
    }
}

pub(in super::super) fn has_key(person: &str) -> String {
    said! {
        en: "{person} has a key already",
        es: "{person} ya tiene una clave",
        fa: "{person} از پیش کلیدی دارد",
    }
}
pub(in super::super) const KEYS_STAY: In = In {
    en: "a key is never shown again, and not replaced unasked",
    es: "una clave no se muestra nunca más, ni se cambia sin pedirlo",
    fa: "کلید دیگر هرگز نشان داده نمی‌شود و بدون درخواست عوض نمی‌شود",
};
pub(in super::super) const REVOKE_FIRST: In = In {
    en: "taking it back first, or another name",
    es: "retirarla primero, u otro nombre",
    fa: "اول پس گرفتن آن، یا نامی دیگر",
};
pub(in super::super) fn has_no_key(person: &str) -> String {
    said! {
        en: "{person} has no key that could be taken back",
        es: "{person} no tiene ninguna clave que se pueda retirar",
        fa: "{person} کلیدی ندارد که بتوان پس گرفت",
    }
}
pub(in super::super) const NOT_LISTED: In = In {
    en: "there is none of that name; those inside RELAY_KEYS are for you alone to change",
    es: "no hay ninguna con ese nombre; las que están dentro de RELAY_KEYS solo puedes cambiarlas tú",
    fa: "کلیدی با این نام نیست؛ آن‌ها را که درون RELAY_KEYS هستند فقط خود شما می‌توانید تغییر دهید",
};
pub(in super::super) const LIST_FIRST: In = In {
    en: "`pasarela keys`, which lists them",
    es: "`pasarela keys`, que las muestra",
    fa: "فرمان `pasarela keys` که آن‌ها را نشان می‌دهد",
};
pub(in super::super) fn last_key(person: &str) -> String {
    said! {
        en: "{person} has the last key",
        es: "{person} tiene la última clave",
        fa: "آخرین کلید را {person} دارد",
    }
}
pub(in super::super) const LAST_CAUSE: In = In {
    en: "a relay without any shows everybody what it is",
    es: "un relé sin ninguna muestra a todos lo que es",
    fa: "رلهٔ بدون کلید به همه نشان می‌دهد که چیست",
};
pub(in super::super) const ANOTHER_FIRST: In = In {
    en: "giving another key first, or taking the whole relay away",
    es: "dar antes otra clave, o quitar el relé entero",
    fa: "اول دادن کلیدی دیگر، یا برداشتن تمام رله",
};
pub(in super::super) const FULL: In =
    In {
        en: "there is no room for another key", es: "no hay sitio para otra clave", fa: "برای کلید دیگری جا نیست"
    };
pub(in super::super) const FULL_CAUSE: In = In {
    en: "the plan allows 64 variables and secrets a Worker",
    es: "el plan permite 64 variables y secretos por Worker",
    fa: "طرح برای هر Worker فقط 64 متغیر و راز را اجازه می‌دهد",
};
pub(in super::super) const MAKE_ROOM: In = In {
    en: "taking keys back that nobody uses, or a second relay with --name",
    es: "retirar claves que nadie usa, o un segundo relé con --name",
    fa: "پس گرفتن کلیدهایی که کسی به کار نمی‌برد، یا رلهٔ دومی با --name",
};
pub(in super::super) const BY_HAND: In = In {
    en: "RELAY_KEYS   was set by hand; Cloudflare tells nobody whose keys are in it",
    es: "RELAY_KEYS   se puso a mano; Cloudflare no dice a nadie de quién son sus claves",
    fa: "RELAY_KEYS   با دست گذاشته شده است؛ Cloudflare به کسی نمی‌گوید کلیدهای درون آن مال کیست",
};
pub(in super::super) const NO_KEYS: In = In { en: "nobody", es: "nadie", fa: "هیچ‌کس" };
pub(in super::super) const SEE_KEYS: In = In {
    en: "`pasarela keys` says who has a key now.",
    es: "`pasarela keys` dice quién tiene ahora una clave.",
    fa: "فرمان `pasarela keys` می‌گوید الان چه کسی کلید دارد.",
};

/// The file of `serve`.
pub(in super::super) const fn file(error: &KeyFileError) -> In {
    match error {
        KeyFileError::Read(_) => In {
            en: "the file of keys cannot be read",
            es: "no se puede leer el archivo de claves",
            fa: "فایل کلیدها را نمی‌توان خواند",
        },
        KeyFileError::Name
        | KeyFileError::Taken
        | KeyFileError::Unknown
        | KeyFileError::Last
        | KeyFileError::Write(_) => In {
            en: "the file of keys cannot be changed",
            es: "no se puede cambiar el archivo de claves",
            fa: "فایل کلیدها را نمی‌توان تغییر داد",
        },
    }
}
pub(in super::super) fn file_cause(error: &KeyFileError) -> String {
    match error {
        KeyFileError::Name => said! {
            en: "{error}",
            es: "un nombre no tiene espacios ni =, y no empieza por #",
            fa: "نام فاصله و = ندارد و با # شروع نمی‌شود",
        },
        KeyFileError::Taken => said! {
            en: "{error}",
            es: "alguien con ese nombre tiene una clave",
            fa: "کسی با این نام کلید دارد",
        },
        KeyFileError::Unknown => said! {
            en: "{error}",
            es: "nadie con ese nombre tiene una clave",
            fa: "کسی با این نام کلید ندارد",
        },
        KeyFileError::Last => said! {
            en: "{error}",
            es: "nadie más tiene una clave allí",
            fa: "کس دیگری آنجا کلید ندارد",
        },
        KeyFileError::Read(error) | KeyFileError::Write(error) => error.to_string(),
    }
}
pub(in super::super) fn file_hint(error: &KeyFileError) -> In {
    match error {
        KeyFileError::Name => In { en: "another name", es: "otro nombre", fa: "نامی دیگر" },
        KeyFileError::Taken => REVOKE_FIRST,
        KeyFileError::Unknown => In {
            en: "`pasarela keys --file FILE`, which lists them",
            es: "`pasarela keys --file FILE`, que las muestra",
            fa: "فرمان `pasarela keys --file FILE` که آن‌ها را نشان می‌دهد",
        },
        KeyFileError::Last => In {
            en: "giving another key first: `pasarela serve` does not start without any",
            es: "dar antes otra clave: `pasarela serve` no empieza sin ninguna",
            fa: "اول دادن کلیدی دیگر: `pasarela serve` بدون کلید شروع نمی‌کند",
        },
        KeyFileError::Read(error) if error.kind() == io::ErrorKind::NotFound => In {
            en: "another file, or `pasarela keys new NAME --file FILE`, which makes a new one",
            es: "otro archivo, o `pasarela keys new NAME --file FILE`, que crea uno nuevo",
            fa: "فایلی دیگر، یا `pasarela keys new NAME --file FILE` که فایلی تازه می‌سازد",
        },
        KeyFileError::Read(_) => {
            In {
                en: "a text that you may read", es: "un texto que puedas leer", fa: "متنی که بتوانید بخوانید"
            }
        }
        KeyFileError::Write(_) => In {
            en: "a file in a folder in which you may write",
            es: "un archivo en una carpeta en la que puedas escribir",
            fa: "فایلی در پوشه‌ای که بتوانید در آن بنویسید",
        },
    }
}
pub(in super::super) fn unusable(name: &str) -> String {
    said! {
        en: "warning: {name} has no key there that can be used, and `pasarela serve` does not start with it: take it back, or give a new one",
        es: "aviso: {name} no tiene allí ninguna clave que sirva, y `pasarela serve` no empieza con ella: retírala o da una nueva",
        fa: "هشدار: {name} آنجا کلید قابل استفاده‌ای ندارد و `pasarela serve` با آن شروع نمی‌کند: آن را پس بگیرید یا کلید تازه‌ای بدهید",
    }
}
pub(in super::super) const ODD: In = In {
    en: "warning: something there is no name=key, or a name is there twice, and `pasarela serve` does not start with it: mend the file by hand",
    es: "aviso: algo de allí no es name=key, o un nombre está dos veces, y `pasarela serve` no empieza así: arregla el archivo a mano",
    fa: "هشدار: چیزی در آن name=key نیست، یا نامی دو بار آمده است، و `pasarela serve` با آن شروع نمی‌کند: فایل را با دست درست کنید",
};
pub(in super::super) const RESTART: In = In {
    en: "`pasarela serve` takes it into account when it is started again.",
    es: "`pasarela serve` lo tiene en cuenta cuando se inicia otra vez.",
    fa: "فرمان `pasarela serve` وقتی دوباره شروع شود آن را در نظر می‌گیرد.",
};
pub(in super::super) fn file_link(key: &str) -> String {
    said! {
        en: "https://HOST/#{key}\nThat is the link, with your server's name for HOST. The key is not shown again.",
        es: "https://HOST/#{key}\nEse es el enlace, con el nombre de tu servidor en lugar de HOST. La clave no se muestra otra vez.",
        fa: "https://HOST/#{key}\nاین لینک است، با نام سرور شما به جای HOST. کلید دیگر نشان داده نمی‌شود.",
    }
}
