//! Charts as SVG: bars of ratios for a group of figures, lines for what grows.
//!
//! They bring no colours of their own but a few for the systems; text and ground follow the reader's light or dark scheme.

use std::fmt::Write as _;

use super::{
    figures::{Better, Figure, Row, TLS},
    machine::Conditions,
    report::{Short, about, long_name},
    scale::Growth,
    systems::OURS,
};

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1f2328}.ground{fill:#fff}.quiet{fill:#59636e}\
    .title{font-size:16px;font-weight:600}.name{font-weight:600}.axis{stroke:#8c959f}.grid{stroke:#d1d9e0}\
    .base{stroke:#1f2328;stroke-dasharray:3 3}.spread{stroke:#1f2328}.ours{fill:#0b6e4f}.other{fill:#9aa4af}\
    .line0{stroke:#0b6e4f}.line1{stroke:#c4622d}.dot0{fill:#0b6e4f}.dot1{fill:#c4622d}polyline{fill:none;stroke-width:2}\
    @media(prefers-color-scheme:dark){text{fill:#f0f6fc}.ground{fill:#0d1117}.quiet{fill:#9198a1}.axis{stroke:#6e7681}\
    .grid{stroke:#30363d}.base,.spread{stroke:#f0f6fc}.ours{fill:#3fb98a}.other{fill:#6e7681}.line0{stroke:#3fb98a}\
    .line1{stroke:#f0883e}.dot0{fill:#3fb98a}.dot1{fill:#f0883e}}";

/// A panel's width and the gap between two, in pixels, as all that follow.
const PANEL: f64 = 560.0;
const GAP: f64 = 24.0;
const HEAD: f64 = 64.0;
const COLUMNS: usize = 2;

/// Of a panel of bars.
const LABEL: f64 = 130.0;
const VALUE: f64 = 150.0;
const BAR: f64 = 14.0;
const STEP: f64 = 20.0;
/// A ratio beyond this is cut, or the others could not be told apart.
const MOST: f64 = 4.0;

/// Of a panel of lines.
const PLOT: f64 = 200.0;

/// Bars of ratios to the baseline, a panel for each figure of a group.
pub(super) fn bars(group: &str, figures: &[&Figure], conditions: &Conditions) -> String {
    let panels = figures.iter().map(|figure| (figure.name.to_owned(), *figure)).collect::<Vec<_>>();
    panels_of_bars(&format!("{group}: {}", about(group)), &panels, conditions)
}

/// The same for figures of several groups.
pub(super) fn short(figures: &[Figure], conditions: &Conditions) -> String {
    let panel = |figure| (long_name(figure), figure);
    panels_of_bars("Pasarela beside others, in one run", &figures.iter().map(panel).collect::<Vec<_>>(), conditions)
}

fn panels_of_bars(title: &str, panels: &[(String, &Figure)], conditions: &Conditions) -> String {
    let heights = panels.iter().map(|(_, figure)| 26.0 + figure.rows.len() as f64 * STEP + 40.0);
    let mut sheet = Sheet::new(&heights.collect::<Vec<_>>(), [title, ". Bars: median, lines: min to max"], conditions);
    for (n, (name, figure)) in panels.iter().enumerate() {
        sheet.panel_of_bars(name, figure, n);
    }
    sheet.finish()
}

/// Lines over the number of connections, both axes logarithmic.
pub(super) fn lines(growths: &[Growth], conditions: &Conditions) -> String {
    let heights = vec![PLOT + 90.0; growths.len()];
    let mut sheet = Sheet::new(&heights, ["growth with the number of connections", ""], conditions);
    for (n, growth) in growths.iter().enumerate() {
        sheet.panel_of_lines(growth, n);
    }
    sheet.finish()
}

struct Sheet {
    svg: String,
    /// The upper edge of each row of panels.
    tops: Vec<f64>,
}

impl Sheet {
    /// With room for panels of these heights.
    fn new(heights: &[f64], [title, legend]: [&str; 2], conditions: &Conditions) -> Self {
        let width = (PANEL + GAP).mul_add(heights.len().clamp(1, COLUMNS) as f64, GAP);
        let (mut height, mut tops) = (HEAD + GAP, Vec::new());
        for row in heights.chunks(COLUMNS) {
            tops.push(height - GAP);
            height += row.iter().copied().fold(0.0, f64::max) + GAP;
        }
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<style>{STYLE}</style>\n\
             <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n"
        );
        let mut sheet = Self { svg, tops };
        let quick = if conditions.quick { "; quick, not to be quoted" } else { "" };
        let Conditions { date, cpu, kernel, others, .. } = conditions;
        sheet.text((GAP, 30.0), "title", "start", title);
        let under = format!("{date}; {cpu}; {kernel}; others used {others:.2} cores{quick}{legend}");
        sheet.text((GAP, 50.0), "quiet", "start", &under);
        sheet
    }

    /// The upper left corner of a panel.
    fn place(&self, n: usize) -> (f64, f64) {
        let top = self.tops.get(n / COLUMNS).copied().unwrap_or(HEAD);
        ((PANEL + GAP).mul_add((n % COLUMNS) as f64, GAP), top + GAP)
    }

    fn panel_of_bars(&mut self, name: &str, figure: &Figure, n: usize) {
        let (left, top) = self.place(n);
        let better = if figure.better == Better::Less { "less is better" } else { "more is better" };
        self.text((left, top), "name", "start", &format!("{name}, {}", figure.unit));
        self.text((left + PANEL, top), "quiet", "end", better);
        let ratios: Vec<_> = figure.rows.iter().map(|row| (row, Ratio::of(figure, row))).collect();
        let most = ratios.iter().map(|(_, ratio)| ratio.middle).fold(1.25, f64::max).min(MOST);
        let (origin, room) = (left + LABEL, PANEL - LABEL - VALUE);
        let at = |ratio: f64| origin + room * ratio.min(most) / most;
        let (above, below) = (top + 10.0, (figure.rows.len() as f64).mul_add(STEP, top + 12.0));
        for tick in 0..=(most.floor() as u32) {
            let x = at(tick.into());
            let class = if tick == 1 { "base" } else { "grid" };
            self.line((x, above), (x, below), class);
            self.text((x, below + 14.0), "quiet", "middle", &tick.to_string());
        }
        for (n, (row, ratio)) in ratios.iter().enumerate() {
            let y = (n as f64).mul_add(STEP, top + 14.0);
            self.bar(figure, row, ratio, y, (origin, &at));
        }
        let base = figure.base_name();
        let with_tls = figure.row(&format!("{base}{TLS}")).is_some();
        let tls = if with_tls { format!("; with TLS to {base}{TLS}") } else { String::new() };
        let axis = format!("ratio to {base} (dashed){tls}");
        self.text((origin, below + 30.0), "quiet", "start", &axis);
    }

    fn bar(&mut self, figure: &Figure, row: &Row, ratio: &Ratio, y: f64, (origin, at): (f64, &dyn Fn(f64) -> f64)) {
        let middle = y + BAR / 2.0;
        self.text((origin - 8.0, middle + 4.0), "", "end", row.name);
        let value = format!("{} {}", Short(row.median()), figure.unit);
        if ratio.middle.is_nan() {
            return self.text((origin + 4.0, middle + 4.0), "", "start", &format!("{value} (–)"));
        }
        let (class, end) = (if OURS.contains(&row.name) { "ours" } else { "other" }, at(ratio.middle));
        // Writing into a string cannot fail.
        let _ = writeln!(
            self.svg,
            "<rect class=\"{class}\" x=\"{origin:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\"/>",
            (end - origin).max(1.0)
        );
        self.line((at(ratio.least), middle), (at(ratio.most), middle), "spread");
        let cut = if ratio.middle > MOST { "… " } else { "" };
        let value = format!("{cut}{value} ({:.2})", ratio.middle);
        self.text((origin + PANEL - LABEL - VALUE + 10.0, middle + 4.0), "", "start", &value);
    }

    fn panel_of_lines(&mut self, growth: &Growth, n: usize) {
        let (left, top) = self.place(n);
        self.text((left, top), "name", "start", &format!("{}, {}", growth.name, growth.unit));
        let points =
            || growth.series.iter().flat_map(|series| series.points.iter().map(|(at, row)| (*at, row.median())));
        let across = Scale::over(points().map(|(at, _)| at), left + 50.0, left + PANEL - 100.0);
        let up = Scale::over(points().map(|(_, found)| found), top + 20.0 + PLOT, top + 20.0);
        for (tick, y) in up.ticks() {
            self.line((across.from, y), (across.to, y), "grid");
            self.text((across.from - 6.0, y + 4.0), "quiet", "end", &tick);
        }
        for (tick, x) in across.ticks() {
            self.line((x, up.from), (x, up.from + 4.0), "axis");
            self.text((x, up.from + 18.0), "quiet", "middle", &tick);
        }
        self.line((across.from, up.from), (across.to, up.from), "axis");
        self.text((across.from, up.from + 36.0), "quiet", "start", "connections at once");
        let mut labels = Vec::new();
        for (n, series) in growth.series.iter().enumerate() {
            // What is too little to be seen has no place on such an axis.
            let seen = series.points.iter().filter(|(_, row)| row.median() > 0.0);
            let placed: Vec<_> = seen.map(|(at, row)| (across.at(*at), up.at(row.median()))).collect();
            let path: Vec<_> = placed.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(self.svg, "<polyline class=\"line{n}\" points=\"{}\"/>", path.join(" "));
            for (x, y) in &placed {
                let _ = writeln!(self.svg, "<circle class=\"dot{n}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
            }
            if let (Some((x, y)), Some((_, row))) = (placed.last(), series.points.last()) {
                labels.push((*y, *x, format!("dot{n}"), format!("{} {}", series.name, Short(row.median()))));
            }
        }
        labels.sort_by(|(one, ..), (other, ..)| one.total_cmp(other));
        let mut free = f64::NEG_INFINITY;
        for (y, x, class, label) in labels {
            let y = y.max(free);
            self.text((x + 8.0, y + 4.0), &class, "start", &label);
            free = y + 14.0;
        }
    }

    fn text(&mut self, (x, y): (f64, f64), class: &str, anchor: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('`', "");
        let _ = writeln!(
            self.svg,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        let _ =
            writeln!(self.svg, "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
    }

    fn finish(self) -> String {
        self.svg + "</svg>\n"
    }
}

/// A row's numbers over its baseline's median.
struct Ratio {
    least: f64,
    middle: f64,
    most: f64,
}

impl Ratio {
    fn of(figure: &Figure, row: &Row) -> Self {
        let base = figure.base(row).map_or(f64::NAN, Row::median);
        // Of a baseline of nothing there is no ratio.
        let to = |value: f64| if base > 0.0 { (value / base).max(0.0) } else { f64::NAN };
        Self { least: to(row.min()), middle: to(row.median()), most: to(row.max()) }
    }
}

/// A logarithmic axis between two places.
struct Scale {
    low: i32,
    high: i32,
    from: f64,
    to: f64,
}

impl Scale {
    /// Around all these values, by whole powers of ten.
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let powers: Vec<_> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
        let low = powers.iter().copied().fold(f64::INFINITY, f64::min);
        let high = powers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return Self { low: 0, high: 1, from, to };
        }
        let low = low.floor() as i32;
        Self { low, high: (high.ceil() as i32).max(low + 1), from, to }
    }

    /// Where a value is; one that has no place is at the beginning.
    fn at(&self, value: f64) -> f64 {
        let share = (value.max(f64::MIN_POSITIVE).log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        self.from + (self.to - self.from) * share.clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<(String, f64)> {
        (self.low..=self.high).map(|power| 10f64.powi(power)).map(|tick| (tick.to_string(), self.at(tick))).collect()
    }
}
