//! Renders the page before the crate is compiled: `www/index.html` with each language's texts, style and script inside.
//!
//! It fails if a language lacks a text or has one too many. The check is embedded if it was built, by `cargo xtask build page`;
//! otherwise the page says nothing of it.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

#[allow(dead_code, unreachable_pub, reason = "only its table is used here")]
mod language;
mod render;

use render::{Texts, joined, squeeze, tighten, tighten_script};

/// Where everything is, from this crate's folder.
const WWW: &str = "../../www";
const CHECK: &str = "../../target/page";

/// What becomes the page's one script, in this order; only the last does something by itself.
const SCRIPTS: [&str; 3] = ["system.js", "link.js", "page.js"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            println!("cargo::error={wrong}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let out = PathBuf::from(std::env::var("OUT_DIR").map_err(|error| error.to_string())?);
    let (template, style) = (joined(&squeeze(&read("index.html")?)), tighten(&squeeze(&read("page.css")?)));
    let load = squeeze(&read("load.js")?);
    let tight = |name: &&str| read(name).map(|text| tighten_script(&squeeze(&text)));
    // Without the sign one's function would be called with the next.
    let script = SCRIPTS.iter().map(tight).collect::<Result<Vec<_>, _>>()?.join(";");
    let check = check(&out)?;
    let originals = of_language(&language::LANGUAGES[0])?;
    let mut documents = String::new();
    for language in &language::LANGUAGES {
        let texts = of_language(language)?;
        let given = [
            ("lang", language.code),
            ("dir", language.direction),
            ("languages", &languages(language)),
            ("check", if check { " data-check=\"yes\"" } else { "" }),
            // The same in every language: the program has them once.
            ("css", "{{@css}}"),
            ("load", &load),
            ("js", "{{@js}}"),
        ];
        let page = render::page(&template, &texts, &given).and_then(|page| {
            render::differences(&originals, &texts)?;
            Ok(page)
        });
        let page = page.map_err(|wrong| format!("www/texts/{}.json: {wrong}", language.code))?;
        write(&out, &format!("{}.html", language.code), page.as_bytes())?;
        let code = language.code;
        documents += &format!("{code:?} => include_str!(concat!(env!(\"OUT_DIR\"), \"/{code}.html\")),\n");
    }
    let first = language::LANGUAGES[0].code;
    let asset = |name: &str| match check {
        true => format!("Some(include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.gz\")))"),
        false => "None".to_owned(),
    };
    let generated = format!(
        "pub(super) const POLICY: &str = {:?};\n\
         pub(super) const STYLE: &str = {style:?};\n\
         pub(super) const CODE: &str = {script:?};\n\
         pub(super) const SCRIPT: Option<&[u8]> = {};\n\
         pub(super) const WASM: Option<&[u8]> = {};\n\
         pub(super) fn document(code: &str) -> &'static str {{\nmatch code {{\n{documents}\
         _ => include_str!(concat!(env!(\"OUT_DIR\"), \"/{first}.html\")),\n}}\n}}\n",
        policy(&style, &[&script, &load], check),
        asset("check.js"),
        asset("check.wasm"),
    );
    write(&out, "documents.rs", generated.as_bytes())
}

/// What the page may do: run its own script and no other, and talk to its own relay.
fn policy(style: &str, scripts: &[&str], check: bool) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    let scripts: Vec<_> = scripts.iter().map(|script| hash(script)).collect();
    let (scripts, style) = (scripts.join(" "), hash(style));
    let (code, connect) = if check { (" 'self' 'wasm-unsafe-eval'", "'self'") } else { ("", "'none'") };
    format!(
        "default-src 'none'; script-src {scripts}{code}; style-src {style}; connect-src {connect}; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The links to all languages; they need no script.
fn languages(current: &language::Language) -> String {
    let link = |language: &language::Language| {
        let (code, name) = (language.code, language.name);
        let here = if language == current { " aria-current=\"true\"" } else { "" };
        format!("<li><a href=\"?lang={code}\" hreflang=\"{code}\" lang=\"{code}\"{here}>{name}</a></li>")
    };
    language::LANGUAGES.iter().map(link).collect()
}

fn of_language(language: &language::Language) -> Result<Texts, String> {
    let name = format!("texts/{}.json", language.code);
    render::texts(&read(&name)?).map_err(|wrong| format!("www/{name}: {wrong}"))
}

/// Compresses the check into the output, if both of its files are there.
fn check(out: &Path) -> Result<bool, String> {
    // Cargo would run this every time if it were told to watch what is not there. If it cannot be made, it is so.
    let _ = fs::create_dir_all(CHECK);
    println!("cargo::rerun-if-changed={CHECK}");
    let files = ["check.js", "check.wasm"].map(|name| (name, fs::read(Path::new(CHECK).join(name))));
    for (name, bytes) in files {
        let Ok(bytes) = bytes else { return Ok(false) };
        let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
        let packed = encoder.write_all(&bytes).and_then(|()| encoder.finish());
        write(out, &format!("{name}.gz"), &packed.map_err(|error| error.to_string())?)?;
    }
    Ok(true)
}

fn read(name: &str) -> Result<String, String> {
    let path = Path::new(WWW).join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read_to_string(&path).map_err(|error| format!("www/{name}: {error}"))
}

fn write(out: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    fs::write(out.join(name), bytes).map_err(|error| format!("{name}: {error}"))
}
