//! The papers: every link leads somewhere, every command is run or marked as not run, and what they say twice agrees.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
use pasarela_e2e::places::root;

/// Papers as text.
mod markdown;
/// What commands need around them.
mod stage;
/// The programs of others, and ours for developers.
mod tools;
/// One block or line of a paper, tried.
mod commands;

use commands::Trial;
use markdown::{Paper, papers, slug};

// What a command needs is built meanwhile, which must not keep the simulated WhatsApp from answering.
#[tokio::test(flavor = "multi_thread")]
async fn every_command_in_a_paper_is_run_or_marked() -> Result<()> {
    let trial = Trial::start().await?;
    let papers = papers()?;
    let blocks: usize = papers.iter().map(|paper| paper.blocks().len()).sum();
    ensure!(blocks > 40, "only {blocks} blocks found: this test looks in the wrong place");
    let wrong: Vec<_> = join_all(papers.iter().map(|paper| trial.of(paper))).await.into_iter().flatten().collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    trial.end().await
}

#[tokio::test]
async fn every_option_that_a_paper_names_is_there() -> Result<()> {
    let known = tools::Known::ask().await?;
    let mut wrong = Vec::new();
    for paper in papers()? {
        let marked = paper.blocks().into_iter().filter(|block| block.not_run.is_some());
        let lines = marked.flat_map(|block| block.text.lines().map(str::to_owned).collect::<Vec<_>>());
        let named = paper.spans().into_iter().chain(lines).filter_map(|command| known.wrong_with(&command));
        wrong.extend(named.map(|wrong| format!("{}: {wrong}", paper.name())));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn every_link_in_a_paper_leads_somewhere() -> Result<()> {
    let papers = papers()?;
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for paper in &papers {
        for link in paper.links() {
            seen += 1;
            if !leads_somewhere(paper, &link, &papers) {
                wrong.push(format!("{}: {link}", paper.name()));
            }
        }
    }
    ensure!(seen > 100, "only {seen} links found: this test looks in the wrong place");
    ensure!(wrong.is_empty(), "these lead nowhere: {wrong:#?}");
    Ok(())
}

fn leads_somewhere(from: &Paper, link: &str, papers: &[Paper]) -> bool {
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let folder = from.path.parent().unwrap_or(Path::new(""));
    let place =
        if file.is_empty() { Ok(root().join(&from.path)) } else { root().join(folder).join(file).canonicalize() };
    let Ok(place) = place else { return false };
    let paper = papers.iter().find(|paper| root().join(&paper.path) == place);
    match (anchor, paper) {
        (None, _) => true,
        (Some(anchor), Some(paper)) => paper.headings().iter().any(|heading| slug(heading) == anchor),
        (Some(_), None) => false,
    }
}

#[test]
fn readme_is_short_and_leads_to_every_paper() -> Result<()> {
    let papers = papers()?;
    let readme = papers.iter().find(|paper| paper.path == Path::new("README.md")).context("no README")?;
    let words = readme.text.split_whitespace().count();
    ensure!(words <= 1300, "README has {words} words");
    let links = readme.links();
    let linked: BTreeSet<_> = links.iter().filter_map(|link| link.split('#').next()).collect();
    let ours = papers.iter().filter(|paper| paper.path.parent() == Some(Path::new("docs"))).map(Paper::name);
    // A translation, `at-risk.es.md`, is linked from the paper that it translates.
    let ours = ours.filter(|name| name.matches('.').count() == 1);
    let missing: Vec<_> = ours.filter(|name| !linked.contains(name.as_str())).collect();
    ensure!(missing.is_empty(), "README does not lead to {missing:?}");
    Ok(())
}

#[test]
fn the_guide_for_people_at_risk_is_whole_in_each_language() -> Result<()> {
    let parts = |name: &str| -> Result<Vec<usize>> {
        let text = fs::read_to_string(root().join("docs").join(name)).context(name.to_owned())?;
        let counted = ["# ", "## ", "- ", "1. ", "5. ", "- **", "**"];
        Ok(counted.map(|begin| text.lines().filter(|line| line.starts_with(begin)).count()).to_vec())
    };
    let english = parts("at-risk.md")?;
    for other in ["at-risk.es.md", "at-risk.fa.md"] {
        ensure!(
            parts(other)? == english,
            "{other} has not the parts of the English one: {:?} {english:?}",
            parts(other)?
        );
    }
    Ok(())
}

#[test]
fn the_reference_has_every_part_of_a_link() -> Result<()> {
    let source = fs::read_to_string(root().join("src/native/link.rs"))?;
    let names = source.split("const PARAMETERS").nth(1).and_then(|rest| rest.split("];").next()).context("no list")?;
    let names: Vec<_> = names.split('"').skip(1).step_by(2).collect();
    let reference = fs::read_to_string(root().join("docs/reference.md"))?;
    let missing: Vec<_> = names.iter().filter(|name| !reference.contains(&format!("\n| `{name}` |"))).collect();
    ensure!(names.len() > 8 && missing.is_empty(), "of {names:?} the reference does not have {missing:?}");
    Ok(())
}

#[test]
fn what_a_symptom_quotes_is_what_the_program_says() -> Result<()> {
    let paper = fs::read_to_string(root().join("docs/troubleshooting.md"))?;
    let table = paper.split("\n## On the computer\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows: Vec<_> = table.context("no table")?.lines().filter_map(|line| line.strip_prefix("| `")).collect();
    ensure!(rows.len() > 8, "only {} symptoms: this test looks in the wrong place", rows.len());
    let mut said = String::new();
    for text in ["trouble/few.rs", "bridge.rs", "standing.rs"] {
        said += &fs::read_to_string(root().join("src/native/cli/texts").join(text))?;
    }
    for row in rows {
        let quoted = row.split(" |").next().unwrap_or_default();
        for words in quoted.split('`').step_by(2).filter(|words| !words.is_empty()) {
            let words = words.trim_end_matches(" …").replace("5222", "{wanted}");
            ensure!(said.contains(&words), "the program does not say {words:?}");
        }
    }
    Ok(())
}
