//! What `pasarela deploy` and `pasarela keys` say of their steps: each while it is taken, what was done before they stopped, and what
//! is there at the end.

use super::language::{In, list, said};

/// A step: what, and how it went.
pub(in super::super) fn step(what: In, how: &str) -> String {
    said! { en: "{what:<12} {how}", es: "{what:<12} {how}", fa: "{what:<12} {how}" }
}

pub(in super::super) const ACCOUNT: In = In { en: "account", es: "cuenta", fa: "حساب" };
pub(in super::super) const WORKER: In = In { en: "worker", es: "Worker", fa: "برنامهٔ رله" };
pub(in super::super) const KEY: In = In { en: "key", es: "clave", fa: "کلید" };
pub(in super::super) const DOMAIN: In = In { en: "domain", es: "dominio", fa: "دامنه" };
pub(in super::super) const WORKERS_DEV: In = In { en: "workers.dev", es: "workers.dev", fa: "workers.dev" };
pub(in super::super) const SITE: In = In { en: "site", es: "sitio", fa: "سایت" };
pub(in super::super) const ANSWERS: In = In { en: "answers", es: "responde", fa: "پاسخ" };

pub(in super::super) fn sent_as(name: &str) -> String {
    said! { en: "sent as {name}", es: "enviado como {name}", fa: "به نام {name} فرستاده شد" }
}
pub(in super::super) fn given_to(person: &str) -> String {
    said! { en: "given to {person}", es: "dada a {person}", fa: "به {person} داده شد" }
}
pub(in super::super) fn taken_back(person: &str) -> String {
    said! { en: "taken back from {person}", es: "retirada a {person}", fa: "از {person} پس گرفته شد" }
}
pub(in super::super) const ANSWERS_THERE: In =
    In { en: "answers there", es: "responde allí", fa: "آنجا پاسخ می‌دهد" };
pub(in super::super) const ANSWERS_NOT_THERE: In =
    In { en: "does not answer there", es: "no responde allí", fa: "آنجا پاسخ نمی‌دهد" };
pub(in super::super) fn called(name: &str) -> String {
    said! {
        en: "the account is called {name} there",
        es: "la cuenta se llama allí {name}",
        fa: "حساب آنجا {name} نام دارد",
    }
}
pub(in super::super) fn taken_away(name: &str) -> String {
    said! { en: "{name} taken away", es: "{name} quitado", fa: "{name} برداشته شد" }
}

/// Something was on its way when it stopped.
pub(in super::super) fn perhaps_done(change: &str) -> String {
    said! { en: "perhaps {change}", es: "quizá {change}", fa: "شاید {change}" }
}

/// What was done before it stopped, and how to go on.
pub(in super::super) fn done_so_far(done: &[String], secrets: &[String], further: &str) -> String {
    if done.is_empty() {
        return said! { en: "Nothing was changed.", es: "No se cambió nada.", fa: "هیچ چیز تغییر نکرد." };
    }
    let keys = match secrets {
        [] => String::new(),
        links => {
            let links = links.join("\n  ");
            said! {
                en: "Links of the keys that are set, which nobody is shown again:\n  {links}\n",
                es: "Enlaces de las claves que se pusieron, que no se muestran a nadie otra vez:\n  {links}\n",
                fa: "لینک کلیدهایی که گذاشته شد و دیگر به کسی نشان داده نمی‌شود:\n  {links}\n",
            }
        }
    };
    let done = list(done);
    said! {
        en: "Done so far: {done}.\n{keys}{further}",
        es: "Hecho hasta ahora: {done}.\n{keys}{further}",
        fa: "تا اینجا انجام شد: {done}.\n{keys}{further}",
    }
}
pub(in super::super) fn go_on(name: &str) -> String {
    said! {
        en: "The same command again goes on from there, without the --key and --revoke that are done. To undo all of it:\n  \
             pasarela deploy --remove --name \"{name}\"",
        es: "El mismo comando sigue desde ahí, sin los --key y --revoke que ya están hechos. Para deshacerlo todo:\n  \
             pasarela deploy --remove --name \"{name}\"",
        fa: "همان فرمان از همان‌جا ادامه می‌دهد، بدون --key و --revoke که انجام شده‌اند. برای برگرداندن همه:\n  \
             pasarela deploy --remove --name \"{name}\"",
    }
}
pub(in super::super) const REMOVE_AGAIN: In = In {
    en: "The same command again makes sure that it is gone.",
    es: "El mismo comando otra vez asegura que ya no está.",
    fa: "همان فرمان یک بار دیگر مطمئن می‌شود که برداشته شده است.",
};
pub(in super::super) const STOPPED: In =
    In { en: "stopped before the end", es: "detenido antes del final", fa: "پیش از پایان متوقف شد" };

/// While the name is not known everywhere yet.
pub(in super::super) const WAITING: In = In {
    en: "not yet from here; a new name can take some minutes",
    es: "todavía no desde aquí; un nombre nuevo puede tardar unos minutos",
    fa: "هنوز نه از اینجا؛ نام تازه ممکن است چند دقیقه وقت بخواهد",
};
pub(in super::super) const fn silent(own_name: bool) -> In {
    if own_name {
        In {
            en: "not from here. A new name can take longer",
            es: "no desde aquí. Un nombre nuevo puede tardar más",
            fa: "نه از اینجا. نام تازه ممکن است بیشتر وقت بخواهد",
        }
    } else {
        In {
            en: "not from here. A new name can take longer, and some networks block workers.dev",
            es: "no desde aquí. Un nombre nuevo puede tardar más, y algunas redes bloquean workers.dev",
            fa: "نه از اینجا. نام تازه ممکن است بیشتر وقت بخواهد، و بعضی شبکه‌ها workers.dev را بسته‌اند",
        }
    }
}

/// A name of its own leads elsewhere, as far as can be seen from here.
pub(in super::super) const UNCHECKED: In = In {
    en: "\
Not checked: the name may still lead to whoever had it before, who must not see the key. Or a site of yours answers unknown paths
by something else than 404. In an hour, or once you know that it is yours, check it with a link:
  pasarela check \"https://HOST/#KEY\"",
    es: "\
Sin comprobar: el nombre puede llevar todavía a quien lo tenía antes, que no debe ver la clave. O un sitio tuyo responde a caminos
desconocidos con algo distinto de 404. En una hora, o cuando sepas que es tuyo, compruébalo con un enlace:
  pasarela check \"https://HOST/#KEY\"",
    fa: "\
بررسی نشد: شاید این نام هنوز به کسی می‌رسد که پیش‌تر آن را داشت و نباید کلید را ببیند. یا سایتی از شما به مسیرهای ناشناخته چیزی جز
404 پاسخ می‌دهد. یک ساعت دیگر، یا وقتی دانستید که مال شماست، آن را با یک لینک بررسی کنید:
  pasarela check \"https://HOST/#KEY\"",
};

/// Cloudflare lets nothing through there that has no key.
pub(in super::super) const BLOCKED: In = In {
    en: "not from here: Cloudflare says 403, as it does for a firewall rule",
    es: "no desde aquí: Cloudflare dice 403, como hace por una regla de firewall",
    fa: "نه از اینجا: Cloudflare پاسخ 403 می‌دهد، همان‌طور که برای قاعدهٔ دیوار آتش می‌دهد",
};
pub(in super::super) const WALLED: In = In {
    en: "\
Not checked: Cloudflare says 403 to a path that nobody has, so it cannot be seen whether the name leads to your relay. If that is a
firewall rule of yours (Security, WAF), let paths through that begin with the new /KEY, too, and check it with the link:
  pasarela check \"https://HOST/#KEY\"",
    es: "\
Sin comprobar: Cloudflare dice 403 a un camino que nadie tiene, así que no se ve si el nombre lleva a tu relé. Si eso es una regla
de firewall tuya (Security, WAF), deja pasar también los caminos que empiezan por el nuevo /KEY, y compruébalo con el enlace:
  pasarela check \"https://HOST/#KEY\"",
    fa: "\
بررسی نشد: Cloudflare به مسیری که مال هیچ‌کس نیست پاسخ 403 می‌دهد، پس دیده نمی‌شود که نام به رلهٔ شما می‌رسد یا نه. اگر این قاعدهٔ
دیوار آتش خودتان است (Security, WAF)، بگذارید مسیرهایی هم که با /KEY تازه شروع می‌شوند بگذرند، و آن را با لینک بررسی کنید:
  pasarela check \"https://HOST/#KEY\"",
};

/// At the end.
pub(in super::super) fn link_of(person: &str) -> String {
    said! { en: "The link of {person}:", es: "El enlace de {person}:", fa: "لینک {person}:" }
}
pub(in super::super) const UPDATED: In = In {
    en: "\
The relay is up to date, and all keys are as they were. They are not told to anybody, so check it with your link:
  pasarela check \"https://HOST/#KEY\"",
    es: "\
El relé está al día y todas las claves siguen como estaban. No se dicen a nadie, así que compruébalo con tu enlace:
  pasarela check \"https://HOST/#KEY\"",
    fa: "\
رله به‌روز است و همهٔ کلیدها همان‌اند که بودند. به کسی گفته نمی‌شوند، پس آن را با لینک خودتان بررسی کنید:
  pasarela check \"https://HOST/#KEY\"",
};
pub(in super::super) fn next(name: &str) -> String {
    said! {
        en: "Give the link to one person you trust, in private; it is not shown again. Each person should have one of their own:\n  \
             pasarela keys new ana --name \"{name}\"\n\
             Whoever has a link uses it with `pasarela bridge`, or opens it in a browser for help. Again `pasarela deploy` brings the relay \
             up to date.\n\
             The token can be deleted now; another day a new one is as good.",
        es: "Da el enlace a una sola persona de confianza, en privado; no se muestra otra vez. Cada persona debería tener el suyo:\n  \
             pasarela keys new ana --name \"{name}\"\n\
             Quien tiene un enlace lo usa con `pasarela bridge`, o lo abre en un navegador para ver la ayuda. Otra vez `pasarela deploy` pone \
             al día el relé.\n\
             El token ya se puede borrar; otro día uno nuevo sirve igual.",
        fa: "لینک را به‌طور خصوصی به یک نفر که به او اعتماد دارید بدهید؛ دیگر نشان داده نمی‌شود. هر کس باید لینک خودش را داشته باشد:\n  \
             pasarela keys new ana --name \"{name}\"\n\
             هر کس لینک دارد آن را با `pasarela bridge` به کار می‌برد، یا برای راهنما در مرورگر باز می‌کند. اجرای دوبارهٔ `pasarela deploy` رله را \
             به‌روز می‌کند.\n\
             حالا می‌توان توکن را حذف کرد؛ روز دیگر یک توکن تازه هم به همان خوبی است.",
    }
}
pub(in super::super) fn removed(name: &str) -> String {
    said! {
        en: "{name} is gone, with its keys and names.",
        es: "{name} ya no está, con sus claves y nombres.",
        fa: "{name} با کلیدها و نام‌هایش برداشته شد.",
    }
}
pub(in super::super) const DRY: In = In {
    en: "This would be sent; nothing was:",
    es: "Esto se enviaría; no se envió nada:",
    fa: "این‌ها فرستاده می‌شد؛ چیزی فرستاده نشد:",
};
