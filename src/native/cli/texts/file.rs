//! What the program says of its configuration file.

use std::path::Path;

use super::{super::file::Wrong, language::said};

/// What is wrong with it, and where.
pub(in super::super) fn wrong(path: &Path, wrong: &Wrong) -> String {
    let file = path.display();
    match wrong {
        Wrong::Unreadable(cause) => said! {
            en: "the configuration file {file} cannot be read: {cause}",
            es: "no se puede leer el archivo de configuración {file}: {cause}",
            fa: "فایل تنظیمات {file} را نمی‌توان خواند: {cause}",
        },
        Wrong::NoToml(line) => said! {
            en: "{file}: line {line} is not valid TOML; texts must be in quotes",
            es: "{file}: la línea {line} no es TOML válido; los textos van entre comillas",
            fa: "{file}: خط {line} در TOML درست نیست؛ متن‌ها باید میان گیومهٔ انگلیسی باشند",
        },
        Wrong::NoCommand(name) => said! {
            en: "{file}: \"{name}\" is not a command; settings go below [bridge], [check] and so on",
            es: "{file}: \"{name}\" no es un comando; los ajustes van debajo de [bridge], [check] y demás",
            fa: "{file}: \"{name}\" یک فرمان نیست؛ تنظیم‌ها زیر [bridge]، [check] و مانند آن می‌آیند",
        },
        Wrong::NoOption(command, key) => said! {
            en: "{file}: `pasarela {command}` has no option \"{key}\"",
            es: "{file}: `pasarela {command}` no tiene la opción \"{key}\"",
            fa: "{file}: فرمان `pasarela {command}` گزینهٔ \"{key}\" ندارد",
        },
        Wrong::Value(command, key) => said! {
            en: "{file}: the value of \"{key}\" below [{command}] cannot be used",
            es: "{file}: el valor de \"{key}\" debajo de [{command}] no se puede usar",
            fa: "{file}: مقدار \"{key}\" زیر [{command}] قابل استفاده نیست",
        },
    }
}

/// Others may read a file with keys in it.
pub(in super::super) fn exposed(path: &Path) -> String {
    let file = path.display();
    said! {
        en: "warning: other users of this computer can read {file}, which holds secrets; try: chmod 600 {file}",
        es: "aviso: otros usuarios de esta computadora pueden leer {file}, que contiene secretos; prueba: chmod 600 {file}",
        fa: "هشدار: کاربران دیگر این رایانه می‌توانند {file} را بخوانند، که رازهایی در آن است؛ امتحان کنید: chmod 600 {file}",
    }
}
