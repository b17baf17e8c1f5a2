//! What a network does, and how the relay is reached all the same.

use super::language::{In, list, said};
use crate::connect::{Detour, Met, Name, Shape, Stack};

/// In one line.
pub(in super::super) fn words(Detour { met, port, name, shape, stack }: Detour) -> String {
    let does = does(met);
    let name = match (name, shape) {
        (Name::Own, Shape::Whole) => None,
        (Name::Own, Shape::Records | Shape::RecordsAndSegments) => {
            Some(In { en: "with the name in pieces", es: "con el nombre en trozos", fa: "با نام تکه‌تکه" })
        }
        (Name::Sibling(_), _) => {
            Some(In {
                en: "by another of its names", es: "por otro de sus nombres", fa: "با نام دیگری از آن"
            })
        }
        (Name::Public, _) => {
            Some(In { en: "with the name encrypted", es: "con el nombre cifrado", fa: "با نام رمزشده" })
        }
        (Name::Nothing, _) => Some(In { en: "without a name", es: "sin nombre", fa: "بدون نام" }),
    };
    let port = port.map(|port| said! { en: "by port {port}", es: "por el puerto {port}", fa: "از درگاه {port}" });
    let stack = match stack {
        Stack::Usual => None,
        Stack::Browser => {
            Some(In {
                en: "as a browser would", es: "como lo haría un navegador", fa: "به شکل یک مرورگر"
            })
        }
    };
    let how: Vec<_> = port.into_iter().chain(name.into_iter().chain(stack).map(String::from)).collect();
    let how = list(&how);
    said! {
        en: "{does}: going on {how}",
        es: "{does}: se sigue {how}",
        fa: "{does}: ادامه {how}",
    }
}

/// What the network does.
const fn does(met: Option<Met>) -> In {
    match met {
        None => In {
            en: "the usual way is not open here",
            es: "el camino habitual no está abierto aquí",
            fa: "راه همیشگی اینجا باز نیست",
        },
        Some(Met::Refused) => In {
            en: "this network refuses connections to the relay",
            es: "esta red rechaza las conexiones con el relé",
            fa: "این شبکه اتصال به رله را نمی‌پذیرد",
        },
        Some(Met::NoAnswer) => In {
            en: "this network lets connections to the relay go unanswered",
            es: "esta red deja sin respuesta las conexiones con el relé",
            fa: "این شبکه اتصال به رله را بی‌پاسخ می‌گذارد",
        },
        Some(Met::Cut) => In {
            en: "this network cuts connections that name the relay",
            es: "esta red corta las conexiones que nombran el relé",
            fa: "این شبکه اتصال‌هایی را که نام رله در آن‌هاست قطع می‌کند",
        },
        Some(Met::Dropped) => In {
            en: "this network drops what names the relay",
            es: "esta red descarta lo que nombra el relé",
            fa: "این شبکه هر چه را نام رله در آن است دور می‌ریزد",
        },
        Some(Met::Silent) => In {
            en: "nothing comes back here once the relay is named",
            es: "aquí no vuelve nada en cuanto se nombra el relé",
            fa: "همین که نام رله گفته شود، اینجا دیگر چیزی برنمی‌گردد",
        },
        Some(Met::Stalled) => In {
            en: "this network lets the relay answer nothing",
            es: "esta red no deja que el relé responda nada",
            fa: "این شبکه نمی‌گذارد رله پاسخی بدهد",
        },
        Some(Met::Throttled) => In {
            en: "this network lets little through on the usual way",
            es: "esta red deja pasar poco por el camino habitual",
            fa: "این شبکه از راه همیشگی چیز کمی عبور می‌دهد",
        },
        Some(Met::Stranger) => In {
            en: "somebody in this network answers in the relay's place",
            es: "alguien en esta red responde en lugar del relé",
            fa: "کسی در این شبکه به جای رله پاسخ می‌دهد",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::language::{Language, tests::speaking},
        *,
    };

    #[test]
    fn it_says_what_the_network_does_and_what_is_done_about_it() {
        let detour = Detour {
            met: Some(Met::Cut),
            port: Some(8443),
            name: Name::Nothing,
            shape: Shape::Whole,
            stack: Stack::Usual,
        };
        assert_eq!(
            words(detour),
            "this network cuts connections that name the relay: going on by port 8443, without a name"
        );
        assert_eq!(
            speaking(Language::Spanish, || words(detour)),
            "esta red corta las conexiones que nombran el relé: se sigue por el puerto 8443, sin nombre"
        );
        assert_eq!(
            speaking(Language::Persian, || words(detour)),
            "این شبکه اتصال‌هایی را که نام رله در آن‌هاست قطع می‌کند: ادامه از درگاه 8443، بدون نام"
        );
        assert_eq!(detour.to_string(), "port-8443 nameless");
        let cut = Detour { met: None, port: None, name: Name::Own, shape: Shape::Records, stack: Stack::Usual };
        assert_eq!(words(cut), "the usual way is not open here: going on with the name in pieces");
        assert_eq!(cut.to_string(), "cut-records");
    }
}
