//! What `pasarela share` says.

use super::language::{In, said};

/// Beside the link of a relay.
pub(in super::super) const SECRET: In = In {
    en: "Whoever has this link can use the relay. Give it only to people you trust, in private.",
    es: "Quien tenga este enlace puede usar el relé. Dáselo solo a personas de confianza y en privado.",
    fa: "هر کس این لینک را داشته باشد می‌تواند از رله استفاده کند. آن را فقط به افراد مورد اعتماد و به‌طور خصوصی بدهید.",
};

/// Below the code of a relay.
pub(in super::super) fn relay(door: &str) -> String {
    said! {
        en: "It is for `pasarela bridge`. A browser opens the relay's page, with help, at {door}\n\
             That address stays in the browser's history, and programs that look into links see its key: it is better to send the link.",
        es: "Es para `pasarela bridge`. Un navegador abre la página del relé, con ayuda, en {door}\n\
             Esa dirección queda en el historial del navegador y los programas que examinan enlaces ven su clave: mejor envía el enlace.",
        fa: "برای `pasarela bridge` است. مرورگر صفحهٔ رله را، با راهنما، در این نشانی باز می‌کند:\n  {door}\n\
             آن نشانی در تاریخچهٔ مرورگر می‌ماند و برنامه‌هایی که پیوندها را بررسی می‌کنند کلیدش را می‌بینند: بهتر است لینک را بفرستید.",
    }
}

/// Below the code of a proxy.
pub(in super::super) const PROXY: In = In {
    en: "Open the link on the phone, or scan the code with its camera, and let WhatsApp use the proxy.",
    es: "Abre el enlace en el teléfono, o escanea el código con su cámara, y deja que WhatsApp use el proxy.",
    fa: "لینک را روی گوشی باز کنید، یا کد را با دوربین آن اسکن کنید، و بگذارید واتساپ از پروکسی استفاده کند.",
};

/// In place of a code that is too wide.
pub(in super::super) fn too_wide(columns: usize, width: usize) -> String {
    said! {
        en: "(The code needs {columns} columns, and this terminal has {width}. Make it wider and start again.)\n",
        es: "(El código necesita {columns} columnas y esta terminal tiene {width}. Hazla más ancha y empieza otra vez.)\n",
        fa: "(کد {columns} ستون می‌خواهد و این ترمینال {width} ستون دارد. آن را پهن‌تر کنید و دوباره شروع کنید.)\n",
    }
}

pub(in super::super) const NO_LINK: In =
    In {
        en: "the link cannot be used", es: "no se puede usar el enlace", fa: "لینک قابل استفاده نیست"
    };
pub(in super::super) const NO_HOST: In = In {
    en: "--bridge: not a name or an address alone",
    es: "--bridge: no es solo un nombre o una dirección",
    fa: "--bridge: فقط یک نام یا یک نشانی نیست",
};
pub(in super::super) const NO_FORMAT: In = In {
    en: "--output: the name must end in .png, .svg or .txt",
    es: "--output: el nombre debe terminar en .png, .svg o .txt",
    fa: "--output: نام باید به .png، .svg یا .txt ختم شود",
};
pub(in super::super) const TOO_LONG: In = In {
    en: "the link is too long for a QR code; --text prints it alone",
    es: "el enlace es demasiado largo para un código QR; --text lo muestra solo",
    fa: "لینک برای کد QR بیش از حد بلند است؛ --text فقط خود آن را نشان می‌دهد",
};
pub(in super::super) const NOT_WRITTEN: In =
    In {
        en: "the file cannot be written", es: "no se puede escribir el archivo", fa: "فایل را نمی‌توان نوشت"
    };
pub(in super::super) const EXISTS: In = In {
    en: "another name, or --force to replace what is there",
    es: "otro nombre, o --force para reemplazar lo que hay",
    fa: "نامی دیگر، یا --force برای جایگزین کردن آنچه آنجاست",
};
pub(in super::super) const ANOTHER_FILE: In = In {
    en: "another folder, in which you may write",
    es: "otra carpeta, en la que puedas escribir",
    fa: "پوشه‌ای دیگر که بتوانید در آن بنویسید",
};
