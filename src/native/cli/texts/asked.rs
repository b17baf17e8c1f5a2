//! What is said to somebody who clicked on the program.

use super::language::{In, said};

pub(in super::super) const WELCOME: In = In {
    en: "\
Pasarela lets the WhatsApp on your phone connect through a relay. This computer must be in the same Wi-Fi as the phone.
Copy the link that somebody gave you, paste it here with the right mouse button or Ctrl-V, and press Enter.
Do you have it as a code in a picture? Drag that picture here with the mouse, and press Enter.
(In a terminal, pasarela --help says what else there is.)

",
    es: "\
Pasarela permite que el WhatsApp de tu teléfono se conecte a través de un relé. Esta computadora debe estar en la misma red wifi
que el teléfono. Copia el enlace que te dieron, pégalo aquí con el botón derecho del ratón o con Ctrl-V y pulsa Intro.
¿Lo tienes como código en una imagen? Arrastra esa imagen hasta aquí con el ratón y pulsa Intro.
(En una terminal, pasarela --help dice qué más hay, en inglés.)

",
    fa: "\
Pasarela کاری می‌کند که واتساپ گوشی شما از راه یک رله وصل شود. این رایانه باید در همان وای‌فای گوشی باشد.
لینکی را که به شما داده‌اند کپی کنید، با دکمهٔ راست ماوس یا Ctrl-V اینجا بچسبانید و Enter را بزنید.
آن را به شکل کد در یک تصویر دارید؟ تصویر را با ماوس به اینجا بکشید و Enter را بزنید.
(در ترمینال، pasarela --help بقیهٔ کارها را می‌گوید، به انگلیسی.)

",
};

pub(in super::super) const LINK: In = In { en: "Link: ", es: "Enlace: ", fa: "لینک: " };

pub(in super::super) fn wrong(error: &str) -> String {
    said! {
        en: "This is not a whole link: {error}. Copy it again from where you got it.\n",
        es: "Esto no es un enlace completo: {error}. Cópialo otra vez de donde lo recibiste.\n",
        fa: "این یک لینک کامل نیست: {error}. آن را دوباره از همان‌جا که گرفته‌اید کپی کنید.\n",
    }
}

pub(in super::super) const CLOSE: In = In {
    en: "\nPress Enter to close this window.",
    es: "\nPulsa Intro para cerrar esta ventana.",
    fa: "\nبرای بستن این پنجره Enter را بزنید.",
};
