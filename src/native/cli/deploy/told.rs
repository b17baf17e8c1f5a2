//! What is told at the end: links, codes and what comes next, or one line of JSON.

use serde_json::json;

use super::{
    super::{
        look,
        texts::{language::In, steps},
    },
    arrival::Arrival,
    plan::Plan,
};
use crate::{
    deploy::{Person, Place, Planned},
    link::Link,
    share::Qr,
};

/// A relay that is there.
pub(super) struct Done<'a> {
    pub(super) place: &'a Place,
    pub(super) host: &'a str,
    /// Whether it was there before.
    pub(super) updated: bool,
    pub(super) links: &'a [(&'a Person, Link)],
    pub(super) plan: &'a Plan,
    /// How many files its site has, and how many of them were new.
    pub(super) files: Option<(usize, usize)>,
    pub(super) arrival: Arrival,
}

impl Done<'_> {
    /// Says it all.
    pub(super) fn say(&self, json: bool) {
        let unchecked = self.arrival.unchecked;
        if json {
            println!("{}", self.object());
            if let Some(unchecked) = unchecked {
                eprintln!("{unchecked}");
            }
            return;
        }
        for (person, link) in self.links {
            println!("\n{}\n{}", steps::link_of(&person.to_string()), shown(link));
        }
        println!("{}", ending(unchecked, self.links.is_empty(), &self.place.name));
    }

    fn object(&self) -> serde_json::Value {
        let links = self.links.iter().map(|(person, link)| (person.to_string(), json!(link.to_string())));
        json!({
            "worker": self.place.name,
            "account": self.place.account.id,
            "host": self.host,
            "updated": self.updated,
            "links": links.collect::<serde_json::Map<_, _>>(),
            "keys": self.plan.all,
            "site": self.files.map(|(files, sent)| json!({ "files": files, "sent": sent })),
            "check": self.arrival.check,
        })
    }
}

/// What comes next. Whoever may be somebody else is not to see a key: nobody is told to use one there now.
fn ending(unchecked: Option<In>, is_update: bool, name: &str) -> String {
    match unchecked {
        Some(unchecked) => unchecked.into(),
        None if is_update => steps::UPDATED.into(),
        None => steps::next(name),
    }
}

/// A link with its code.
pub(in super::super) fn shown(link: &Link) -> String {
    let text = link.to_string();
    let code = Qr::of(&text).map(|code| format!("\n{}", look::code(&code))).unwrap_or_default();
    format!("{text}\n{code}")
}

/// What would have been sent.
pub(super) fn show(json: bool, place: &Place) {
    let planned = place.api.planned();
    if json {
        let plan = |plan: &Planned| json!({ "method": plan.method.as_str(), "path": plan.path, "body": plan.body });
        println!("{}", json!({ "dry_run": planned.iter().map(plan).collect::<Vec<_>>() }));
        return;
    }
    println!("{}", steps::DRY);
    for plan in planned {
        println!("\n{} {}", plan.method, plan.path);
        if !plan.body.is_null() {
            println!("{:#}", plan.body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_use_a_key_where_somebody_else_may_answer() {
        for is_update in [true, false] {
            let here = ending(None, is_update, "bicycles");
            for unchecked in [steps::UNCHECKED, steps::WALLED] {
                let elsewhere = ending(Some(unchecked), is_update, "bicycles");
                assert!(elsewhere.starts_with("Not checked: ") && !here.contains("Not checked"), "{elsewhere}{here}");
                assert!(!elsewhere.contains("up to date"), "{elsewhere}");
            }
        }
    }
}
