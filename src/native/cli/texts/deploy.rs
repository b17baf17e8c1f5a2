//! What `pasarela deploy` says before it begins, and why it cannot.

use super::language::{In, said};
use crate::deploy::{UnusableSite, UnusableWorker};

/// Before anything is done.
pub(in super::super) const TERMS: In = In {
    en: "\
Cloudflare's terms forbid \"a virtual private network or other similar proxy services\" (section 2.2.1 j). A relay leads to WhatsApp
and nowhere else, but Cloudflare may see it as one and close it, or the account: take an account that nothing else depends on.
Whoever learns the relay's name can use up the free plan's day, 100 000 requests, with or without a key; it then rests until
midnight UTC. So keep the name among those you trust.
",
    es: "\
Las condiciones de Cloudflare prohíben \"una red privada virtual u otros servicios de proxy similares\" (sección 2.2.1 j). Un relé
lleva a WhatsApp y a ningún otro sitio, pero Cloudflare puede verlo así y cerrarlo, o cerrar la cuenta: usa una cuenta de la que no
dependa nada más. Quien conozca el nombre del relé puede agotar el día del plan gratuito, 100 000 peticiones, con clave o sin ella;
entonces descansa hasta la medianoche UTC. Así que deja el nombre entre personas de confianza.
",
    fa: "\
شرایط Cloudflare \"شبکهٔ خصوصی مجازی یا خدمات پروکسی مشابه\" را ممنوع می‌کند (بخش 2.2.1 j). رله به واتساپ می‌رسد و به هیچ جای
دیگر، اما Cloudflare ممکن است آن را چنین ببیند و رله یا حساب را ببندد: از حسابی استفاده کنید که چیز دیگری به آن وابسته نیست.
هر کس نام رله را بداند می‌تواند سهم یک روز طرح رایگان، یعنی 100 000 درخواست، را تمام کند، با کلید یا بدون آن؛ آن‌وقت رله تا
نیمه‌شب UTC کار نمی‌کند. پس نام را میان کسانی نگه دارید که به آن‌ها اعتماد دارید.
",
};
pub(in super::super) const DEPLOY: In =
    In {
        en: "Put the relay there? [y/N] ", es: "¿Poner allí el relé? [s/N] ", fa: "رله آنجا گذاشته شود؟ [y/N] "
    };
pub(in super::super) fn remove(name: &str) -> String {
    said! {
        en: "All links of this relay stop working, for good. Take {name} away? [y/N] ",
        es: "Todos los enlaces de este relé dejarán de funcionar para siempre. ¿Quitar {name}? [s/N] ",
        fa: "همهٔ لینک‌های این رله برای همیشه از کار می‌افتند. {name} برداشته شود؟ [y/N] ",
    }
}

pub(in super::super) const NO_SUBDOMAIN: In = In {
    en: "--subdomain: 1 to 63 small letters, digits and hyphens, none at either end",
    es: "--subdomain: de 1 a 63 letras minúsculas, números y guiones, sin guion al principio ni al final",
    fa: "--subdomain: از ۱ تا ۶۳ حرف کوچک انگلیسی، رقم و خط تیره، بدون خط تیره در آغاز و پایان",
};
pub(in super::super) const NO_DOMAIN: In = In {
    en: "--domain: a name such as relay.example.org",
    es: "--domain: un nombre como relay.example.org",
    fa: "--domain: نامی مانند relay.example.org",
};
pub(in super::super) const NO_LINK: In = In {
    en: "--link-with: not what a link may say behind its key, as addr=104.16.0.1&sni=none",
    es: "--link-with: no es lo que un enlace puede decir detrás de su clave, como addr=104.16.0.1&sni=none",
    fa: "--link-with: آنچه لینک می‌تواند پس از کلیدش بگوید نیست، مانند addr=104.16.0.1&sni=none",
};
pub(in super::super) const NO_WAY: In = In {
    en: "--link-with cannot be used",
    es: "no se puede usar --link-with",
    fa: "گزینهٔ --link-with قابل استفاده نیست",
};
pub(in super::super) const ANOTHER_LINK_WITH: In = In {
    en: "--link-with with something else, or none",
    es: "--link-with con otra cosa, o sin él",
    fa: "گزینهٔ --link-with با چیزی دیگر، یا بدون آن",
};
pub(in super::super) const NO_WORKER: In =
    In {
        en: "there is no Worker to send", es: "no hay ningún Worker que enviar", fa: "هیچ Worker برای فرستادن نیست"
    };
pub(in super::super) const GIVE_WORKER: In = In {
    en: "--worker with the folder that `cargo xtask dist edge` makes, or a program that was given away as a release",
    es: "--worker con la carpeta que crea `cargo xtask dist edge`, o un programa publicado como versión",
    fa: "گزینهٔ --worker با پوشه‌ای که `cargo xtask dist edge` می‌سازد، یا برنامه‌ای که به‌عنوان نسخهٔ رسمی منتشر شده است",
};
pub(in super::super) fn worker(error: &UnusableWorker) -> String {
    match error {
        UnusableWorker::NotBuiltIn => said! {
            en: "{error}",
            es: "este programa se construyó sin él",
            fa: "این برنامه بدون آن ساخته شده است",
        },
        UnusableWorker::File(..) => error.to_string(),
        UnusableWorker::Setting(name) => said! {
            en: "{error}",
            es: "wrangler.toml: falta \"{name}\", o no es como este programa lo conoce",
            fa: "wrangler.toml: در آن \"{name}\" نیست، یا آن‌طور نیست که این برنامه می‌شناسد",
        },
    }
}

/// The operator's own site.
pub(in super::super) const NO_SITE: In =
    In {
        en: "the site cannot be sent", es: "no se puede enviar el sitio", fa: "نمی‌توان سایت را فرستاد"
    };
pub(in super::super) fn site(error: &UnusableSite) -> String {
    match error {
        UnusableSite::Folder(error) => super::serve::site(error),
        UnusableSite::File(..) => error.to_string(),
        UnusableSite::Empty => said! {
            en: "{error}",
            es: "no hay ningún archivo en él",
            fa: "هیچ فایلی در آن نیست",
        },
        UnusableSite::Many => said! {
            en: "{error}",
            es: "tiene más archivos de los que admite Cloudflare",
            fa: "بیش از آنچه Cloudflare می‌پذیرد فایل دارد",
        },
        UnusableSite::Large(path) => {
            let file = path.display();
            said! {
                en: "{error}",
                es: "{file} es más grande de lo que admite Cloudflare",
                fa: "{file} از آنچه Cloudflare می‌پذیرد بزرگ‌تر است",
            }
        }
        UnusableSite::Changed(path) => {
            let file = path.display();
            said! {
                en: "{error}",
                es: "{file} cambió mientras tanto",
                fa: "{file} در این میان تغییر کرد",
            }
        }
        UnusableSite::Secret(path) => {
            let file = path.display();
            said! {
                en: "{error}",
                es: "{file} está en él, y cualquiera podría leerlo",
                fa: "{file} در آن است و هر کسی می‌توانست آن را بخواند",
            }
        }
        UnusableSite::Ignore(line) => said! {
            en: "{error}",
            es: ".assetsignore: \"{line}\" no es un patrón",
            fa: ".assetsignore: خط \"{line}\" الگو نیست",
        },
        UnusableSite::Program => said! {
            en: "{error}",
            es: "_worker.js es un programa, y cualquiera podría leerlo",
            fa: "_worker.js یک برنامه است و هر کسی می‌توانست آن را بخواند",
        },
        UnusableSite::Redirect(line) => said! {
            en: "{error}",
            es: "_redirects: \"{line}\" se llevaría los caminos propios del relé",
            fa: "_redirects: خط \"{line}\" مسیرهای خود رله را به جای دیگری می‌برد",
        },
    }
}
pub(in super::super) const ANOTHER_SITE: In = In {
    en: "a folder with an index.html; .assetsignore in it names what is not to be sent, as .gitignore does",
    es: "una carpeta con un index.html; .assetsignore en ella nombra lo que no se debe enviar, como hace .gitignore",
    fa: "پوشه‌ای با یک index.html؛ فایل .assetsignore در آن، مانند .gitignore، آنچه را نباید فرستاده شود نام می‌برد",
};
pub(in super::super) const SITE_AT_REST: In = In {
    en: "deploy once more, when nothing writes to the folder",
    es: "desplegarlo otra vez, cuando nada escriba en la carpeta",
    fa: "یک بار دیگر، وقتی چیزی در پوشه نوشته نمی‌شود",
};
pub(in super::super) const SITE_THERE: In = In {
    en: "the relay shows a site of yours",
    es: "el relé muestra un sitio tuyo",
    fa: "رله سایتی از شما را نشان می‌دهد",
};
pub(in super::super) const SITE_GONE: In = In {
    en: "a site that is not sent again would be gone",
    es: "un sitio que no se envía otra vez desaparecería",
    fa: "سایتی که دوباره فرستاده نشود از میان می‌رود",
};
pub(in super::super) const SITE_AGAIN: In = In {
    en: "--site with its folder, or --no-site to take it away",
    es: "--site con su carpeta, o --no-site para quitarlo",
    fa: "گزینهٔ --site با پوشهٔ آن، یا --no-site برای برداشتنش",
};
pub(in super::super) fn stored(files: usize, sent: usize) -> String {
    said! {
        en: "{files} files, of which {sent} had to be sent",
        es: "{files} archivos, de los que hubo que enviar {sent}",
        fa: "{files} فایل، که {sent} تای آن باید فرستاده می‌شد",
    }
}
pub(in super::super) fn left_out(links: usize) -> String {
    said! {
        en: "warning: {links} links in --site lead out of it and are not sent",
        es: "aviso: {links} enlaces en --site llevan fuera de él y no se envían",
        fa: "هشدار: {links} پیوند در --site به بیرون از آن می‌رسند و فرستاده نمی‌شوند",
    }
}

/// A Worker of that name is something else.
pub(in super::super) fn foreign(name: &str) -> String {
    said! {
        en: "the account has a Worker called {name} that is no relay",
        es: "la cuenta tiene un Worker llamado {name} que no es un relé",
        fa: "حساب یک Worker به نام {name} دارد که رله نیست",
    }
}
pub(in super::super) const FOREIGN_CAUSE: In =
    In { en: "it would be overwritten", es: "se sobrescribiría", fa: "رله جای آن نوشته می‌شد" };
pub(in super::super) const ANOTHER_NAME: In =
    In {
        en: "--name with another name", es: "--name con otro nombre", fa: "گزینهٔ --name با نامی دیگر"
    };

pub(in super::super) fn absent(name: &str) -> String {
    said! {
        en: "the account has no relay called {name}",
        es: "la cuenta no tiene ningún relé llamado {name}",
        fa: "حساب رله‌ای به نام {name} ندارد",
    }
}
pub(in super::super) const ABSENT_CAUSE: In = In {
    en: "Cloudflare knows no Worker of that name",
    es: "Cloudflare no conoce ningún Worker con ese nombre",
    fa: "Cloudflare هیچ Worker به این نام نمی‌شناسد",
};
pub(in super::super) const RIGHT_NAME: In = In {
    en: "--name with the name that it was given, or --account",
    es: "--name con el nombre que se le dio, o --account",
    fa: "گزینهٔ --name با نامی که به آن داده شد، یا --account",
};
