//! What `pasarela deploy` and `pasarela keys` say of the account on Cloudflare: how to come by a token, what the API refuses.

use super::{
    language::{In, Language, said},
    trouble::few,
};
use crate::deploy::{ApiError, Meaning, Unreached};

pub(in super::super) const NOTHING_DONE: In =
    In { en: "Nothing was done.", es: "No se hizo nada.", fa: "هیچ کاری انجام نشد." };
pub(in super::super) const NOBODY_TO_ASK: In =
    In {
        en: "there is nobody to ask", es: "no hay nadie a quien preguntar", fa: "کسی نیست که از او پرسیده شود"
    };
pub(in super::super) const SAY_YES: In = In {
    en: "--yes, if that is what you want",
    es: "--yes, si eso es lo que quieres",
    fa: "گزینهٔ --yes، اگر همین را می‌خواهید",
};

/// Whether an answer is a yes. The English one is understood by all.
pub(in super::super) fn is_yes(answer: &str) -> bool {
    let also: &[&str] = match Language::chosen() {
        Language::English => &[],
        Language::Spanish => &["s", "si", "sí"],
        Language::Persian => &["بله", "آری"],
    };
    let answer = answer.to_lowercase();
    ["y", "yes"].iter().chain(also).any(|yes| answer == *yes)
}

/// How to come by a token.
pub(in super::super) const TOKEN: In = In {
    en: "\
This takes an API token of your account on Cloudflare:
  1. Open https://dash.cloudflare.com/profile/api-tokens and choose \"Create Token\".
  2. Take the template \"Edit Cloudflare Workers\", choose your account (and for --domain its zone), \"Continue\", \"Create Token\".
     Or, with no more rights than are needed, a custom token: Account / Workers Scripts / Edit and Account / Account Settings /
     Read; for --domain also Zone / Workers Routes / Edit.
  3. Copy it here. It is not shown, and kept nowhere.
",
    es: "\
Hace falta un token de API de tu cuenta de Cloudflare:
  1. Abre https://dash.cloudflare.com/profile/api-tokens y elige \"Create Token\".
  2. Toma la plantilla \"Edit Cloudflare Workers\", elige tu cuenta (y para --domain su zona), \"Continue\", \"Create Token\".
     O, sin más permisos que los necesarios, un token propio: Account / Workers Scripts / Edit y Account / Account Settings /
     Read; para --domain además Zone / Workers Routes / Edit.
  3. Cópialo aquí. No se muestra ni se guarda en ningún sitio.
",
    fa: "\
یک توکن API از حساب Cloudflare شما لازم است:
  1. صفحهٔ https://dash.cloudflare.com/profile/api-tokens را باز کنید و \"Create Token\" را بزنید.
  2. الگوی \"Edit Cloudflare Workers\" را بردارید، حسابتان را انتخاب کنید (و برای --domain، zone آن را)، \"Continue\"، \"Create Token\".
     یا، بدون دسترسی بیش از نیاز، یک توکن دلخواه: Account / Workers Scripts / Edit و
     Account / Account Settings / Read؛ برای --domain همچنین Zone / Workers Routes / Edit.
  3. آن را اینجا کپی کنید. نشان داده نمی‌شود و جایی نگه داشته نمی‌شود.
",
};
pub(in super::super) const TOKEN_PROMPT: In = In { en: "Token: ", es: "El token: ", fa: "توکن: " };
pub(in super::super) const NO_TOKEN: In = In {
    en: "there is no usable API token",
    es: "no hay ningún token de API que sirva",
    fa: "هیچ توکن API قابل استفاده‌ای نیست",
};
pub(in super::super) const TOKEN_FORM: In = In {
    en: "a token is one word of letters, digits, -, _ and .",
    es: "un token es una sola palabra de letras, números, -, _ y .",
    fa: "توکن یک کلمه از حرف‌ها و رقم‌های انگلیسی، -، _ و . است",
};
pub(in super::super) const NO_TERMINAL: In = In {
    en: "no terminal to ask at",
    es: "no hay ninguna terminal en la que preguntar",
    fa: "ترمینالی نیست که در آن پرسیده شود",
};
pub(in super::super) const GIVE_TOKEN: In = In {
    en: "the variable CLOUDFLARE_API_TOKEN, or --token-file FILE, with a token from https://dash.cloudflare.com/profile/api-tokens",
    es: "la variable CLOUDFLARE_API_TOKEN, o --token-file FILE, con un token de https://dash.cloudflare.com/profile/api-tokens",
    fa: "متغیر CLOUDFLARE_API_TOKEN، یا --token-file FILE، با توکنی از https://dash.cloudflare.com/profile/api-tokens",
};

pub(in super::super) const NO_BASE: In = In {
    en: "CLOUDFLARE_API_BASE_URL cannot be used",
    es: "no se puede usar CLOUDFLARE_API_BASE_URL",
    fa: "مقدار CLOUDFLARE_API_BASE_URL قابل استفاده نیست",
};
pub(in super::super) const BASE_FORM: In = In {
    en: "it must begin with https://, or with http:// and name this machine",
    es: "debe empezar por https://, o por http:// y nombrar esta máquina",
    fa: "باید با https:// شروع شود، یا با http:// و نام همین دستگاه",
};
pub(in super::super) const UNSET_BASE: In = In {
    en: "unsetting it: without it Cloudflare's own API is asked",
    es: "quitarla: sin ella se pregunta a la propia API de Cloudflare",
    fa: "برداشتن آن: بدون آن از API خود Cloudflare پرسیده می‌شود",
};
pub(in super::super) const NO_NAME: In = In {
    en: "--name: 1 to 63 small letters, digits and hyphens, none at either end",
    es: "--name: de 1 a 63 letras minúsculas, números y guiones, sin guion al principio ni al final",
    fa: "--name: از ۱ تا ۶۳ حرف کوچک انگلیسی، رقم و خط تیره، بدون خط تیره در آغاز و پایان",
};
pub(in super::super) const NO_ACCOUNT_ID: In = In {
    en: "--account: the account's ID, 32 digits and letters, as its address shows it",
    es: "--account: el ID de la cuenta, 32 números y letras, como lo muestra su dirección",
    fa: "--account: شناسهٔ حساب، ۳۲ رقم و حرف، همان‌طور که در نشانی آن دیده می‌شود",
};

/// The account.
pub(in super::super) const NO_ACCOUNT: In =
    In {
        en: "the token sees no account", es: "el token no ve ninguna cuenta", fa: "توکن هیچ حسابی را نمی‌بیند"
    };
pub(in super::super) const NO_ACCOUNT_CAUSE: In =
    In {
        en: "Cloudflare lists none", es: "Cloudflare no muestra ninguna", fa: "Cloudflare هیچ حسابی نشان نمی‌دهد"
    };
pub(in super::super) const RIGHT_ACCOUNT: In = In {
    en: "a token that includes your account under \"Account Resources\", with the right Account Settings / Read; or --account ID",
    es: "un token que incluya tu cuenta en \"Account Resources\", con el permiso Account Settings / Read; o --account ID",
    fa: "توکنی که حسابتان را در \"Account Resources\" داشته باشد، با دسترسی Account Settings / Read؛ یا --account ID",
};
pub(in super::super) const SEVERAL_ACCOUNTS: In =
    In {
        en: "The token sees several accounts:", es: "El token ve varias cuentas:", fa: "توکن چند حساب را می‌بیند:"
    };
pub(in super::super) const WHICH_ACCOUNT: In =
    In { en: "Which one? Its number: ", es: "¿Cuál? Su número: ", fa: "کدام؟ شمارهٔ آن: " };
pub(in super::super) const NAME_ACCOUNT: In = In {
    en: "--account with the ID of one of them",
    es: "--account con el ID de una de ellas",
    fa: "گزینهٔ --account با شناسهٔ یکی از آن‌ها",
};
pub(in super::super) const SEVERAL_RELAYS: In =
    In {
        en: "the account has several relays", es: "la cuenta tiene varios relés", fa: "حساب چند رله دارد"
    };
pub(in super::super) const NAME_RELAY: In = In {
    en: "--name with the name of one of them, or with a new one",
    es: "--name con el nombre de uno de ellos, o con uno nuevo",
    fa: "گزینهٔ --name با نام یکی از آن‌ها، یا نامی تازه",
};

/// What a step is called when it fails.
pub(in super::super) const VERIFYING: In =
    In {
        en: "the token cannot be used", es: "no se puede usar el token", fa: "توکن قابل استفاده نیست"
    };
pub(in super::super) const LISTING: In =
    In { en: "the account cannot be found", es: "no se encuentra la cuenta", fa: "حساب پیدا نمی‌شود" };
pub(in super::super) const LOOKING: In = In {
    en: "it cannot be told what is there already",
    es: "no se puede saber qué hay ya allí",
    fa: "نمی‌توان دانست که از پیش چه چیزی آنجا هست",
};
pub(in super::super) const CLAIMING: In = In {
    en: "the account cannot be given a name below workers.dev",
    es: "no se puede dar a la cuenta un nombre en workers.dev",
    fa: "نمی‌توان به حساب نامی در workers.dev داد",
};
pub(in super::super) const UPLOADING: In =
    In {
        en: "the Worker cannot be sent", es: "no se puede enviar el Worker", fa: "نمی‌توان Worker را فرستاد"
    };
pub(in super::super) const KEYING: In =
    In {
        en: "the key cannot be set", es: "no se puede poner la clave", fa: "نمی‌توان کلید را گذاشت"
    };
pub(in super::super) const REVOKING: In =
    In {
        en: "the key cannot be taken back", es: "no se puede retirar la clave", fa: "نمی‌توان کلید را پس گرفت"
    };
pub(in super::super) const PUBLISHING: In = In {
    en: "the Worker cannot be made to answer at workers.dev",
    es: "no se puede hacer que el Worker responda en workers.dev",
    fa: "نمی‌توان کاری کرد که Worker در workers.dev پاسخ دهد",
};
pub(in super::super) const NAMING: In = In {
    en: "the Worker cannot be given its domain",
    es: "no se puede dar al Worker su dominio",
    fa: "نمی‌توان دامنهٔ Worker را به آن داد",
};
pub(in super::super) const REMOVING: In =
    In {
        en: "the Worker cannot be taken away", es: "no se puede quitar el Worker", fa: "نمی‌توان Worker را برداشت"
    };
pub(in super::super) const STORING: In = In {
    en: "the site's files cannot be sent",
    es: "no se pueden enviar los archivos del sitio",
    fa: "نمی‌توان فایل‌های سایت را فرستاد",
};

/// What to try when the API refuses.
pub(in super::super) const fn advice(meaning: Meaning) -> In {
    match meaning {
        Meaning::Network => In {
            en: "looking whether this machine is online, another network, or --proxy",
            es: "mirar si esta máquina tiene conexión, otra red o --proxy",
            fa: "نگاه کنید این دستگاه به اینترنت وصل است یا نه، شبکه‌ای دیگر، یا --proxy",
        },
        Meaning::Token => In {
            en: "a new token, copied whole, from https://dash.cloudflare.com/profile/api-tokens",
            es: "un token nuevo, copiado entero, de https://dash.cloudflare.com/profile/api-tokens",
            fa: "توکنی تازه که کامل کپی شده باشد، از https://dash.cloudflare.com/profile/api-tokens",
        },
        Meaning::Rights => In {
            en: "a token by the template \"Edit Cloudflare Workers\" that includes this account, and for --domain its zone",
            es: "un token con la plantilla \"Edit Cloudflare Workers\" que incluya esta cuenta, y para --domain su zona",
            fa: "توکنی از الگوی \"Edit Cloudflare Workers\" که این حساب را داشته باشد، و برای --domain، zone آن را",
        },
        Meaning::Blocked => In {
            en: "another account: this one may not use Workers. Whose it is can ask Cloudflare why, at https://dash.cloudflare.com/?to=/:account/support",
            es: "otra cuenta: esta no puede usar Workers. Su dueño puede preguntar a Cloudflare por qué, en https://dash.cloudflare.com/?to=/:account/support",
            fa: "حسابی دیگر: این یکی اجازهٔ استفاده از Workers را ندارد. صاحب آن می‌تواند دلیلش را از Cloudflare بپرسد، در https://dash.cloudflare.com/?to=/:account/support",
        },
        Meaning::Email => In {
            en: "confirming the address of the account by the message that Cloudflare sent to it, then again",
            es: "confirmar la dirección de la cuenta con el mensaje que le envió Cloudflare, y después otra vez",
            fa: "تأیید نشانی ایمیل حساب با پیامی که Cloudflare به آن فرستاده است، سپس دوباره",
        },
        Meaning::Plan => In {
            en: "taking away what is not used: the free plan has 100 Workers, and 64 variables and secrets a Worker, so some 60 keys",
            es: "quitar lo que no se usa: el plan gratuito tiene 100 Workers, y 64 variables y secretos por Worker, o sea unas 60 claves",
            fa: "برداشتن آنچه به کار نمی‌رود: طرح رایگان 100 Workers دارد و برای هر کدام 64 متغیر و راز، یعنی حدود 60 کلید",
        },
        Meaning::Taken => In {
            en: "another name: this one is in use",
            es: "otro nombre: este está en uso",
            fa: "نامی دیگر: این یکی در حال استفاده است",
        },
        Meaning::Missing => In {
            en: "looking whether the account and the name are right; it may have been taken away meanwhile",
            es: "mirar si la cuenta y el nombre son correctos; puede que mientras tanto lo hayan quitado",
            fa: "نگاه کنید حساب و نام درست‌اند یا نه؛ شاید در این میان برداشته شده است",
        },
        Meaning::Later => In {
            en: "again in some minutes; https://www.cloudflarestatus.com tells whether something is amiss there",
            es: "otra vez en unos minutos; https://www.cloudflarestatus.com dice si allí falla algo",
            fa: "چند دقیقهٔ دیگر دوباره؛ https://www.cloudflarestatus.com می‌گوید آنجا مشکلی هست یا نه",
        },
        Meaning::Other => In {
            en: "again; if it stays, tell us the number",
            es: "otra vez; si sigue igual, dinos el número",
            fa: "دوباره؛ اگر همین‌طور ماند، شماره را به ما بگویید",
        },
    }
}

/// Why the API did not do it. What it says itself is in English.
pub(in super::super) fn refusal(error: &ApiError) -> String {
    match error {
        ApiError::Unreached(unreached) => of_unreached(*unreached),
        ApiError::Over => said! {
            en: "{error}",
            es: "ha vencido o fue desactivado",
            fa: "تاریخش گذشته یا غیرفعال شده است",
        },
        ApiError::NotApi(status) => {
            let status = status.as_u16();
            said! {
                en: "{error}",
                es: "lo que responde no es la API de Cloudflare ({status})",
                fa: "آنچه پاسخ می‌دهد API مال Cloudflare نیست ({status})",
            }
        }
        ApiError::Refused { status, code: 0, .. } => {
            let status = status.as_u16();
            said! {
                en: "{error}",
                es: "Cloudflare se niega ({status})",
                fa: "Cloudflare نمی‌پذیرد ({status})",
            }
        }
        ApiError::Refused { code, message, .. } => said! {
            en: "{error}",
            es: "Cloudflare se niega: {message} ({code})",
            fa: "Cloudflare نمی‌پذیرد: {message} ({code})",
        },
    }
}

/// Why there was no answer.
fn of_unreached(unreached: Unreached) -> String {
    let api = In { en: "Cloudflare's API", es: "la API de Cloudflare", fa: "واسط API در Cloudflare" };
    match unreached {
        Unreached::Way(trouble) => {
            let few = few(trouble);
            said! { en: "{api}: {few}", es: "{api}: {few}", fa: "{api}: {few}" }
        }
        Unreached::Cut => said! {
            en: "{api}: the connection was cut before there was an answer",
            es: "{api}: la conexión se cortó antes de que hubiera respuesta",
            fa: "{api}: پیش از آنکه پاسخی برسد اتصال قطع شد",
        },
        Unreached::Late => said! {
            en: "{api}: there was no answer in time",
            es: "{api}: no hubo respuesta a tiempo",
            fa: "{api}: پاسخی به‌موقع نرسید",
        },
    }
}
