//! What the bridge says when it begins, and why it cannot.

use std::{net::IpAddr, path::Path};

use super::language::{In, said};
use crate::frontend::Enclosure;

/// Said on Windows before it asks.
pub(in super::super) const FIREWALL: In = In {
    en: "\
If Windows asks whether this program may be reached through the network, allow it, or your phone cannot connect. It asks once;
later it is in Windows Security > Firewall & network protection > Allow an app through firewall.

",
    es: "\
Si Windows pregunta si se puede llegar a este programa por la red, permítelo; si no, tu teléfono no podrá conectarse. Pregunta una
sola vez; después está en Seguridad de Windows > Firewall y protección de red > Permitir una aplicación a través de firewall.

",
    fa: "\
اگر ویندوز پرسید که آیا این برنامه از راه شبکه در دسترس باشد، اجازه دهید، وگرنه گوشی شما وصل نمی‌شود. فقط یک بار می‌پرسد؛ بعد از آن
در Windows Security > Firewall & network protection > Allow an app through firewall است.

",
};

/// What to do on the phone.
pub(in super::super) fn instructions(host: &str, port: u16, link: &str) -> String {
    said! {
        en: "On your phone, in the same Wi-Fi as this computer, scan the code with the camera, or open this link:

  {link}

WhatsApp then asks whether to use the proxy: tap yes. By hand it is in WhatsApp under
Settings > Storage and data > Proxy > Set proxy: host {host}, chat port {port}, media port {port}, TLS off.
When it says \"Connected\" it works. Leave this program running; Ctrl-C ends it.
",
        es: "En tu teléfono, en la misma red wifi que esta computadora, escanea el código con la cámara o abre este enlace:

  {link}

WhatsApp preguntará si quieres usar el proxy: di que sí. A mano está en WhatsApp, en
Ajustes > Almacenamiento y datos > Proxy: dirección {host}, puerto de chat {port}, puerto multimedia {port}, sin TLS.
Cuando diga «Conectado», funciona. Deja este programa en marcha; Ctrl-C lo termina.
",
        fa: "روی گوشی‌تان، در همان وای‌فای این رایانه، کد را با دوربین اسکن کنید یا این لینک را باز کنید:

  {link}

واتساپ می‌پرسد که آیا از پروکسی استفاده شود: بله بگویید. با دست، در واتساپ در
تنظیمات > فضای ذخیره‌سازی و داده > پروکسی است: نشانی {host}، درگاه گفتگو {port}، درگاه رسانه {port}، بدون TLS.
وقتی بنویسد «متصل شد»، کار می‌کند. بگذارید این برنامه باز بماند؛ Ctrl-C آن را پایان می‌دهد.
",
    }
}

/// More networks than one.
pub(in super::super) fn other_addresses(others: &[IpAddr]) -> String {
    let Some((first, rest)) = others.split_first() else { return String::new() };
    let or = In { en: "or", es: "o", fa: "یا" };
    let all = rest.iter().fold(first.to_string(), |all, address| format!("{all} {or} {address}"));
    said! {
        en: "If the phone cannot connect, start this again with --host {all}: this computer is in several networks.\n",
        es: "Si el teléfono no puede conectarse, inicia esto otra vez con --host {all}: esta computadora está en varias redes.\n",
        fa: "اگر گوشی وصل نمی‌شود، این را دوباره با --host {all} شروع کنید: این رایانه در چند شبکه است.\n",
    }
}

/// What the computer is in, for programs.
pub(in super::super) const fn enclosure(within: Enclosure) -> &'static str {
    match within {
        Enclosure::Container => "container",
        Enclosure::Wsl => "wsl",
        Enclosure::Machine => "virtual-machine",
    }
}

/// Why the phone may not reach the address above, and what to do.
pub(in super::super) const fn within(within: Enclosure) -> In {
    match within {
        Enclosure::Container => In {
            en: "\
This is a container, and a phone may not reach its address. Publish the port (-p 5222:5222) or use the computer's own
network (--network host), and say with --host under which address the phone reaches the computer.
",
            es: "\
Esto es un contenedor, y puede que un teléfono no llegue a su dirección. Publica el puerto (-p 5222:5222) o usa la red de la propia
computadora (--network host), y di con --host en qué dirección llega el teléfono a la computadora.
",
            fa: "\
اینجا یک کانتینر است و شاید گوشی به نشانی آن نرسد. درگاه را منتشر کنید (-p 5222:5222) یا از شبکهٔ خود رایانه استفاده کنید
(--network host)، و با --host بگویید گوشی با کدام نشانی به رایانه می‌رسد.
",
        },
        Enclosure::Wsl => In {
            en: "\
This is WSL, and a phone may not reach its address. Use the bridge for Windows itself, or set networkingMode=mirrored in
.wslconfig; or say with --host under which address the phone reaches Windows, and forward the port.
",
            es: "\
Esto es WSL, y puede que un teléfono no llegue a su dirección. Usa el puente para Windows, o pon networkingMode=mirrored en
.wslconfig; o di con --host en qué dirección llega el teléfono a Windows y reenvía el puerto.
",
            fa: "\
اینجا WSL است و شاید گوشی به نشانی آن نرسد. از پل مخصوص ویندوز استفاده کنید، یا networkingMode=mirrored را در
.wslconfig بگذارید؛ یا با --host بگویید گوشی با کدام نشانی به ویندوز می‌رسد، و درگاه را به اینجا هدایت کنید.
",
        },
        Enclosure::Machine => In {
            en: "\
This is a virtual machine. If the phone cannot connect, give it a network card that is bridged, not behind NAT; or
say with --host under which address the phone reaches the computer, and forward the port.
",
            es: "\
Esto es una máquina virtual. Si el teléfono no puede conectarse, dale una tarjeta de red en modo puente, no detrás de NAT; o
di con --host en qué dirección llega el teléfono a la computadora y reenvía el puerto.
",
            fa: "\
اینجا یک ماشین مجازی است. اگر گوشی وصل نمی‌شود، به آن کارت شبکه‌ای در حالت bridged بدهید، نه پشت NAT؛ یا
با --host بگویید گوشی با کدام نشانی به رایانه می‌رسد، و درگاه را به اینجا هدایت کنید.
",
        },
    }
}

/// Said in place of the code when no phone should reach this machine.
pub(in super::super) fn only_this_machine(port: u16) -> String {
    said! {
        en: "It is for programs on this computer only: 127.0.0.1, port {port}, without TLS. Ctrl-C ends it.\n",
        es: "Es solo para programas de esta computadora: 127.0.0.1, puerto {port}, sin TLS. Ctrl-C lo termina.\n",
        fa: "فقط برای برنامه‌های همین رایانه است: نشانی 127.0.0.1، درگاه {port}، بدون TLS. با Ctrl-C پایان می‌یابد.\n",
    }
}

/// Said in place of the code when no phone could reach this machine.
pub(in super::super) fn no_network(port: u16) -> String {
    said! {
        en: "This computer is not in a local network, so no phone can reach it. Connect it to the Wi-Fi that your phone uses
and the code appears; or say with --host under which name or address the phone reaches it.
On this computer itself the proxy is 127.0.0.1, port {port}, without TLS. Ctrl-C ends it.
",
        es: "Esta computadora no está en ninguna red local, así que ningún teléfono llega a ella. Conéctala a la wifi que usa tu
teléfono y aparecerá el código; o di con --host en qué nombre o dirección llega el teléfono a ella.
En esta misma computadora el proxy es 127.0.0.1, puerto {port}, sin TLS. Ctrl-C lo termina.
",
        fa: "این رایانه در هیچ شبکهٔ محلی نیست، پس هیچ گوشی‌ای به آن نمی‌رسد. آن را به همان وای‌فای گوشی‌تان وصل کنید
تا کد نشان داده شود؛ یا با --host بگویید گوشی با کدام نام یا نشانی به آن می‌رسد.
روی خود این رایانه نشانی پروکسی 127.0.0.1 است، درگاه {port}، بدون TLS. با Ctrl-C پایان می‌یابد.
",
    }
}

/// The wanted port was taken.
pub(in super::super) fn another_port(wanted: u16, taken: u16) -> String {
    said! {
        en: "Port {wanted} is in use by another program, so this is port {taken}.\n",
        es: "El puerto {wanted} lo usa otro programa, así que este es el puerto {taken}.\n",
        fa: "درگاه {wanted} در دست برنامهٔ دیگری است، پس این درگاه {taken} است.\n",
    }
}

/// Where programs find it.
pub(in super::super) fn socks(address: &str) -> String {
    said! {
        en: "Programs that can use a SOCKS5 proxy: {address} (socks5h:// if they ask). It reaches WhatsApp only.\n",
        es: "Para programas que pueden usar un proxy SOCKS5: {address} (socks5h:// si preguntan). Solo llega a WhatsApp.\n",
        fa: "برای برنامه‌هایی که می‌توانند از پروکسی SOCKS5 استفاده کنند: {address} (اگر پرسیدند socks5h://). فقط به واتساپ می‌رسد.\n",
    }
}

/// Anybody who reaches this machine may use it.
pub(in super::super) const PUBLIC: In = In {
    en: "Anyone who can reach this computer can use this bridge (--public).\n",
    es: "Quien pueda llegar a esta computadora puede usar este puente (--public).\n",
    fa: "هر کس به این رایانه برسد می‌تواند از این پل استفاده کند (--public).\n",
};

/// A link without encryption.
pub(in super::super) fn plain(number: usize) -> String {
    said! {
        en: "Link {number} begins with http://: everyone on the way can see that it is a relay, and its key.\n",
        es: "El enlace {number} empieza por http://: cualquiera en el camino puede ver que es un relé, y su clave.\n",
        fa: "لینک {number} با http:// شروع می‌شود: هر کسی در مسیر می‌تواند ببیند که رله است، و کلید آن را هم.\n",
    }
}

/// A relay that is reached by way of a proxy.
pub(in super::super) fn exit(number: usize) -> String {
    said! {
        en: "Link {number}: the relay is reached through the proxy of this network, which can read the relay's name.\n",
        es: "Enlace {number}: se llega al relé a través del proxy de esta red, que puede leer el nombre del relé.\n",
        fa: "لینک {number}: به رله از راه پروکسی این شبکه می‌رسیم، که می‌تواند نام رله را بخواند.\n",
    }
}

/// A link that is not what it looks like. It may be said to a journal, so without names.
pub(in super::super) fn vouched(number: usize) -> String {
    said! {
        en: "Link {number}: the relay is not verified by the name in the link, but as the rest of the link says.
    `pasarela check` says how. Use it only if you trust whoever gave it to you.\n",
        es: "Enlace {number}: el relé no se verifica con el nombre que tiene el enlace, sino como dice el resto del enlace.
    `pasarela check` dice cómo. Úsalo solo si confías en quien te lo dio.\n",
        fa: "لینک {number}: رله نه با نام درون لینک، بلکه آن‌طور که بقیهٔ لینک می‌گوید بررسی می‌شود.
    `pasarela check` می‌گوید چطور. فقط اگر به کسی که آن را داده اعتماد دارید از آن استفاده کنید.\n",
    }
}

/// What keeps it from beginning.
pub(in super::super) fn no_link(number: usize) -> String {
    said! {
        en: "link {number} cannot be used",
        es: "no se puede usar el enlace {number}",
        fa: "لینک {number} قابل استفاده نیست",
    }
}
pub(in super::super) const COPY_LINK: In = In {
    en: "copying it again, whole, from where you got it, between quotes: \"https://…/#…\"",
    es: "copiarlo otra vez, entero, de donde lo recibiste, entre comillas: \"https://…/#…\"",
    fa: "دوباره کپی کردن تمام آن از همان‌جا که گرفته‌اید، میان گیومهٔ انگلیسی: \"https://…/#…\"",
};
pub(in super::super) const NO_LINKS: In =
    In { en: "there is no link", es: "no hay ningún enlace", fa: "لینکی نیست" };
pub(in super::super) const EMPTY: In =
    In {
        en: "what was given is empty", es: "lo que se dio está vacío", fa: "آنچه داده شد خالی است"
    };
pub(in super::super) const GIVE_LINK: In = In {
    en: "the link that you were given, between quotes: \"https://…/#…\"",
    es: "el enlace que te dieron, entre comillas: \"https://…/#…\"",
    fa: "لینکی که به شما داده‌اند، میان گیومهٔ انگلیسی: \"https://…/#…\"",
};
pub(in super::super) fn no_notes(file: &Path) -> String {
    let file = file.display();
    said! {
        en: "cannot keep anything in {file}",
        es: "no se puede guardar nada en {file}",
        fa: "نمی‌توان چیزی در {file} نگه داشت",
    }
}
pub(in super::super) const ANOTHER_FILE: In = In {
    en: "--remember with a file that can be made or written, in a folder that exists",
    es: "--remember con un archivo que se pueda crear o escribir, en una carpeta que exista",
    fa: "گزینهٔ --remember با فایلی که بتوان ساخت یا نوشت، در پوشه‌ای که وجود دارد",
};
pub(in super::super) const NO_CERTIFICATE: In =
    In {
        en: "cannot make a certificate", es: "no se puede crear un certificado", fa: "نمی‌توان گواهی ساخت"
    };
pub(in super::super) const NOT_STARTED: In =
    In {
        en: "cannot start to listen", es: "no se puede empezar a escuchar", fa: "نمی‌توان گوش دادن را شروع کرد"
    };
pub(in super::super) const TELL_US: In = In {
    en: "starting it again; if it stays, tell us",
    es: "iniciarlo otra vez; si sigue igual, avísanos",
    fa: "شروع دوبارهٔ آن؛ اگر همین‌طور ماند، به ما خبر بدهید",
};
