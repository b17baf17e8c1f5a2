//! What the program says whatever the command is: that it failed, and what keeps a command from beginning.

use std::{fmt::Display, net::SocketAddr, path::Path};

use super::language::{In, said};

/// What failed, why, and what to try.
pub(in super::super) fn failure(what: &str, cause: &dyn Display, hint: &str) -> String {
    said! {
        en: "error: {what}: {cause}\n  try: {hint}",
        es: "error: {what}: {cause}\n  prueba: {hint}",
        fa: "خطا: {what}: {cause}\n  امتحان کنید: {hint}",
    }
}

/// What is not right with the command line.
pub(in super::super) fn usage(wrong: &str) -> String {
    said! {
        en: "error: {wrong}\n\nFor more information, try '--help'.",
        es: "error: {wrong}\n\nPara saber más, prueba '--help' (en inglés).",
        fa: "خطا: {wrong}\n\nبرای آگاهی بیشتر '--help' را امتحان کنید (به انگلیسی).",
    }
}

pub(in super::super) fn no_runtime(error: &dyn Display) -> String {
    said! {
        en: "error: cannot start the runtime: {error}",
        es: "error: el programa no puede empezar: {error}",
        fa: "خطا: برنامه نمی‌تواند شروع کند: {error}",
    }
}

/// Ports.
pub(in super::super) fn no_port(address: SocketAddr) -> String {
    said! {
        en: "cannot listen on {address}",
        es: "no se puede escuchar en {address}",
        fa: "نمی‌توان روی {address} گوش داد",
    }
}

/// Which program has the port.
pub(in super::super) fn taken_by(cause: &dyn Display, program: &str) -> String {
    said! {
        en: "{cause} by {program}",
        es: "{cause}: lo tiene {program}",
        fa: "{cause}: در دست {program} است",
    }
}

pub(in super::super) const RESERVED_PORT: In = In {
    en: "another port: another program has this one for itself, or Windows keeps it back",
    es: "otro puerto: este lo tiene otro programa para sí, o Windows lo reserva",
    fa: "درگاهی دیگر: این یکی را برنامهٔ دیگری برای خود گرفته یا Windows نگه داشته است",
};
pub(in super::super) const HIGHER_PORT: In = In {
    en: "a port from 1024 on, or `setcap cap_net_bind_service=+ep` on the program",
    es: "un puerto a partir de 1024, o `setcap cap_net_bind_service=+ep` para el programa",
    fa: "درگاهی از 1024 به بالا، یا `setcap cap_net_bind_service=+ep` برای برنامه",
};
pub(in super::super) const ANOTHER_PORT: In = In {
    en: "another address or port, or ending the program that has it",
    es: "otra dirección u otro puerto, o cerrar el programa que lo tiene",
    fa: "نشانی یا درگاهی دیگر، یا بستن برنامه‌ای که آن را گرفته است",
};

pub(in super::super) const LOST: In = In {
    en: "cannot write all that there is to say",
    es: "no se puede escribir todo lo que hay que decir",
    fa: "نمی‌توان همهٔ آنچه گفتنی است را نوشت",
};
pub(in super::super) const NO_SPACE: In =
    In { en: "the disk is full", es: "el disco está lleno", fa: "دیسک پر است" };
pub(in super::super) const MORE_SPACE: In = In {
    en: "making room, or writing elsewhere",
    es: "liberar espacio o escribir en otro sitio",
    fa: "آزاد کردن فضا، یا نوشتن در جایی دیگر",
};

/// Signals, and whoever started it.
pub(in super::super) const NO_SIGNALS: In = In {
    en: "cannot wait for Ctrl-C or the system's signals",
    es: "no se puede esperar a Ctrl-C ni a las señales del sistema",
    fa: "نمی‌توان منتظر Ctrl-C یا نشانه‌های سیستم ماند",
};
pub(in super::super) const WHERE_SIGNALS_ARE: In = In {
    en: "running it where signals can be handled",
    es: "ejecutarlo donde se puedan recibir señales",
    fa: "اجرای آن در جایی که نشانه‌های سیستم می‌رسند",
};
pub(in super::super) const NO_INPUT: In = In {
    en: "cannot wait for the end of standard input",
    es: "no se puede esperar al final de la entrada estándar",
    fa: "نمی‌توان منتظر پایان ورودی استاندارد ماند",
};
pub(in super::super) const WITHOUT_FLAG: In =
    In { en: "it without the flag", es: "lo mismo sin esa opción", fa: "همان را بدون آن گزینه" };

/// How to reach a relay.
pub(in super::super) const NO_RESOLVER: In =
    In {
        en: "cannot ask for addresses", es: "no se puede preguntar por direcciones", fa: "نمی‌توان نشانی‌ها را پرسید"
    };
pub(in super::super) const ANOTHER_DOH: In = In {
    en: "--doh with the address of a server, or none",
    es: "--doh con la dirección de un servidor, o sin ella",
    fa: "گزینهٔ --doh با نشانی یک سرور، یا بدون آن",
};
pub(in super::super) const NO_EXIT: In = In {
    en: "cannot use the proxy that leads out of this network",
    es: "no se puede usar el proxy que lleva fuera de esta red",
    fa: "نمی‌توان از پروکسی‌ای که از این شبکه بیرون می‌برد استفاده کرد",
};
pub(in super::super) const ANOTHER_EXIT: In = In {
    en: "--proxy, HTTPS_PROXY and ALL_PROXY with another, or none",
    es: "--proxy, HTTPS_PROXY y ALL_PROXY con otro, o sin ninguno",
    fa: "مقدار دیگری برای --proxy، HTTPS_PROXY و ALL_PROXY، یا هیچ",
};

/// Certificate authorities.
pub(in super::super) fn no_authorities(file: &Path) -> String {
    let file = file.display();
    said! {
        en: "cannot read the certificate authorities in {file}",
        es: "no se pueden leer las autoridades de certificación en {file}",
        fa: "نمی‌توان مرجع‌های صدور گواهی را در {file} خواند",
    }
}
pub(in super::super) const HOLDS_NONE: In =
    In { en: "it holds none", es: "no contiene ninguna", fa: "هیچ مرجعی در آن نیست" };
pub(in super::super) const AUTHORITIES: In = In {
    en: "a file with one or several blocks of -----BEGIN CERTIFICATE-----",
    es: "un archivo con uno o varios bloques de -----BEGIN CERTIFICATE-----",
    fa: "فایلی با یک یا چند بلوک -----BEGIN CERTIFICATE-----",
};
