//! Papers as text: blocks of code with the mark before them, words in backticks, links, headings.
//!
//! It knows as much of Markdown as our papers use, and judges nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use pasarela_e2e::places::root;

/// Before a block that no test runs; the reason is between the two.
const MARK: (&str, &str) = ("<!-- not run: ", " -->");
const FENCE: &str = "```";

/// A paper.
pub(super) struct Paper {
    /// Its path from the project's root.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// A block of code.
pub(super) struct Block {
    /// The number of its first line.
    pub(super) line: usize,
    /// What stands behind its fence.
    pub(super) language: String,
    /// Why no test runs it.
    pub(super) not_run: Option<String>,
    pub(super) text: String,
}

/// Every paper of the project.
pub(super) fn papers() -> Result<Vec<Paper>> {
    let mut papers = Vec::new();
    collect(&root(), &mut papers)?;
    ensure!(papers.len() > 20, "only {} papers found: this test looks in the wrong place", papers.len());
    Ok(papers)
}

fn collect(folder: &Path, papers: &mut Vec<Paper>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ours = !name.starts_with('.') && !["target", "node_modules", "build"].contains(&&*name);
        if path.is_dir() && ours {
            collect(&path, papers)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path)?;
            papers.push(Paper { path: path.strip_prefix(root())?.to_path_buf(), text });
        }
    }
    Ok(())
}

/// The anchor that GitHub gives to a heading.
pub(super) fn slug(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c => c.is_alphanumeric().then_some(c),
    };
    heading.to_lowercase().chars().filter_map(kept).collect()
}

impl Paper {
    /// Its path, as people write it.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Its lines, with whether they are in a block or its fences.
    fn lines(&self) -> impl Iterator<Item = (bool, &str)> {
        let mut inside = false;
        self.text.lines().map(move |line| {
            let fence = line.trim_start().starts_with(FENCE);
            inside ^= fence;
            (inside || fence, line)
        })
    }

    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let (mut inside, mut before) = (false, "");
        for (number, (code, line)) in self.lines().enumerate() {
            match line.trim_start().strip_prefix(FENCE) {
                Some(language) if !inside => {
                    let mark = before.strip_prefix(MARK.0).and_then(|rest| rest.strip_suffix(MARK.1));
                    let (language, not_run) = (language.trim().to_owned(), mark.map(str::to_owned));
                    blocks.push(Block { line: number + 2, language, not_run, text: String::new() });
                    inside = true;
                }
                Some(_) => inside = false,
                None if code => {
                    let block = blocks.last_mut().map(|block| &mut block.text);
                    block.into_iter().for_each(|text| *text += &format!("{line}\n"));
                }
                None => {}
            }
            if !line.trim().is_empty() {
                before = line.trim();
            }
        }
        blocks
    }

    /// What is outside of blocks; each other piece was in backticks.
    fn pieces(&self) -> Vec<String> {
        let prose: Vec<_> = self.lines().map(|(code, line)| if code { "" } else { line }).collect();
        prose.join("\n").split('`').map(str::to_owned).collect()
    }

    /// Words in backticks.
    pub(super) fn spans(&self) -> Vec<String> {
        self.pieces().into_iter().skip(1).step_by(2).map(|span| span.replace('\n', " ")).collect()
    }

    /// Where its links and pictures lead within the project.
    pub(super) fn links(&self) -> Vec<String> {
        let prose: String = self.pieces().into_iter().step_by(2).collect();
        let marked = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        let pictures = prose.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let links = marked.chain(pictures).filter(|link| !link.contains("://"));
        links.map(str::to_owned).collect()
    }

    pub(super) fn headings(&self) -> Vec<String> {
        let headings = self.lines().filter(|(code, line)| !code && line.starts_with('#'));
        headings.map(|(_, line)| line.trim_start_matches('#').trim().to_owned()).collect()
    }
}
