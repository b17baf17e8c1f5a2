//! Why something that was given cannot be used, in words for people. In English it is what the error says itself.

use super::language::said;
use crate::{
    connect::{UnusableExit, UnusableProvider},
    tls::UnusableAuthority,
};

pub(in super::super) fn exit(error: UnusableExit) -> String {
    said! {
        en: "{error}",
        es: "un proxy debe ser http://HOST:PORT o socks5://HOST:PORT, con USER:PASSWORD@ delante de HOST si la pide",
        fa: "پروکسی باید http://HOST:PORT یا socks5://HOST:PORT باشد، با USER:PASSWORD@ پیش از HOST اگر رمز می‌خواهد",
    }
}

pub(in super::super) fn provider(error: UnusableProvider) -> String {
    said! {
        en: "{error}",
        es: "no se parece a https://192.0.2.1/dns-query ni a https://dns.example/dns-query#192.0.2.1",
        fa: "شبیه https://192.0.2.1/dns-query یا https://dns.example/dns-query#192.0.2.1 نیست",
    }
}

pub(in super::super) fn authority(error: UnusableAuthority) -> String {
    said! {
        en: "{error}",
        es: "contiene algo que no es un certificado",
        fa: "چیزی در آن است که گواهی نیست",
    }
}
