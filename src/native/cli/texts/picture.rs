//! What is said of pictures.

use super::language::In;
#[cfg(feature = "picture")]
use super::language::said;
use crate::picture::UnusablePicture;

/// Of one in a file.
#[cfg(feature = "picture")]
pub(in super::super) fn no_link_in(file: &std::path::Path) -> String {
    let file = file.display();
    said! {
        en: "cannot take a link from {file}",
        es: "no se puede tomar un enlace de {file}",
        fa: "نمی‌توان از {file} لینکی گرفت",
    }
}

/// Of one on standard input.
pub(in super::super) const NO_LINK: In = In {
    en: "cannot take a link from these pixels",
    es: "no se puede tomar un enlace de estos píxeles",
    fa: "نمی‌توان از این پیکسل‌ها لینکی گرفت",
};

#[cfg(feature = "picture")]
pub(in super::super) const ANOTHER_FILE: In = In {
    en: "the picture's name as it is in its folder, in quotes if there are blanks in it",
    es: "el nombre de la imagen tal como está en su carpeta, entre comillas si tiene espacios",
    fa: "نام تصویر همان‌طور که در پوشه‌اش است، و اگر فاصله دارد میان دو گیومه",
};

pub(in super::super) const ONCE_MORE: In = In {
    en: "the picture once more, from where you got it",
    es: "la imagen otra vez, de donde la recibiste",
    fa: "گرفتن دوبارهٔ تصویر از همان‌جا که گرفته‌اید",
};

/// What to try when a picture cannot be used.
pub(in super::super) fn hint(unusable: UnusablePicture) -> In {
    match unusable {
        UnusablePicture::Kind => In {
            en: "a screenshot of it, or the link itself",
            es: "una captura de pantalla de ella, o el propio enlace",
            fa: "اسکرین‌شاتی از آن، یا خود لینک",
        },
        UnusablePicture::Broken => ONCE_MORE,
        UnusablePicture::Size => In {
            en: "a screenshot of it, or the part alone that has the code",
            es: "una captura de pantalla de ella, o solo la parte que tiene el código",
            fa: "اسکرین‌شاتی از آن، یا فقط بخشی که کد در آن است",
        },
        UnusablePicture::NoCode => In {
            en: "a sharp picture with the whole code and the light border around it, taken from the front",
            es: "una imagen nítida con todo el código y el borde claro que lo rodea, tomada de frente",
            fa: "تصویری واضح و روبه‌رو از همهٔ کد، با حاشیهٔ روشن دور آن",
        },
        UnusablePicture::NoLink => In {
            en: "the code of the relay, from whoever gave it to you; that of a proxy of WhatsApp's is another",
            es: "el código del relé, de quien te lo dio; el de un proxy de WhatsApp es otro",
            fa: "کد رله، از همان کسی که آن را به شما داده است؛ کد یک پروکسی واتساپ چیز دیگری است",
        },
    }
}
