//! What a survey of the ways to a relay says.

use super::{
    language::{In, list, said},
    trouble::few,
};
use crate::{
    check::Surveyed,
    connect::{Detour, Name, Shape, Stack},
};

/// A way that was tried.
pub(in super::super) fn line(done: &Surveyed) -> String {
    let (ms, address) = (done.took.as_millis(), &done.candidate.address);
    let state = match done.result {
        Ok(()) => In { en: "open", es: "abierto", fa: "باز" },
        Err(_) => In { en: "shut", es: "cerrado", fa: "بسته" },
    };
    let why = done.result.err().map_or_else(String::new, |trouble| format!("   {}", few(trouble)));
    let way = done.candidate.detour().map_or_else(|| String::from(AS_IT_SAYS), way);
    said! {
        en: "{state} {ms:>5} ms   address {address}, {way}{why}",
        es: "{state:<7} {ms:>5} ms   dirección {address}, {way}{why}",
        fa: "{state:<4} {ms:>5} ms   نشانی {address}، {way}{why}",
    }
}

const AS_IT_SAYS: In =
    In { en: "as the link says", es: "como dice el enlace", fa: "همان‌طور که لینک می‌گوید" };

fn way(Detour { port, name, shape, stack, .. }: Detour) -> String {
    let port = port.map(|port| said! { en: "port {port}", es: "puerto {port}", fa: "درگاه {port}" });
    let name = match name {
        Name::Own => None,
        Name::Sibling(_) => {
            Some(In { en: "another of its names", es: "otro de sus nombres", fa: "نام دیگری از آن" })
        }
        Name::Public => Some(In { en: "name encrypted", es: "nombre cifrado", fa: "نام رمزشده" }),
        Name::Nothing => Some(In { en: "no name", es: "sin nombre", fa: "بدون نام" }),
    };
    let shape = match shape {
        Shape::Whole => None,
        Shape::Records => {
            Some(In {
                en: "hello in two records", es: "primer mensaje en dos registros", fa: "پیام نخست در دو رکورد"
            })
        }
        Shape::RecordsAndSegments => {
            Some(In {
                en: "hello in two segments", es: "primer mensaje en dos segmentos", fa: "پیام نخست در دو تکه"
            })
        }
    };
    let stack = match stack {
        Stack::Usual => None,
        Stack::Browser => {
            Some(In {
                en: "hello of a browser", es: "primer mensaje de un navegador", fa: "پیام نخست یک مرورگر"
            })
        }
    };
    let others = name.into_iter().chain(shape).chain(stack).map(String::from);
    list(&port.into_iter().chain(others).collect::<Vec<_>>())
}

/// What it all means.
pub(in super::super) fn conclusion(open: usize, all: usize) -> String {
    match open {
        0 => said! {
            en: "\nNone of {all} ways is open here.\n  Try: another network, or another relay.\n",
            es: "\nNinguno de los {all} caminos está abierto aquí.\n  Prueba: otra red u otro relé.\n",
            fa: "\nهیچ‌کدام از {all} راه اینجا باز نیست.\n  امتحان کنید: شبکه‌ای دیگر یا رله‌ای دیگر.\n",
        },
        _ if open == all => said! {
            en: "\nAll ways are open here: this network does nothing against the relay.\n",
            es: "\nTodos los caminos están abiertos aquí: esta red no hace nada contra el relé.\n",
            fa: "\nهمهٔ راه‌ها اینجا باز است: این شبکه کاری با رله ندارد.\n",
        },
        _ => said! {
            en: "\n{open} of {all} ways are open here. The bridge finds one by itself.\n",
            es: "\n{open} de {all} caminos están abiertos aquí. El puente encuentra uno por sí solo.\n",
            fa: "\nاینجا {open} راه از {all} راه باز است. پل خودش یکی را پیدا می‌کند.\n",
        },
    }
}
