//! What the measurements come to: figures, and of each what every contender took.
//!
//! It measures nothing and judges nothing; that is `subjects`' and `targets`' part.

/// One thing measured, of every contender of a group.
pub(super) struct Figure {
    /// The group, as the report calls it.
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) better: Better,
    /// Whom the others are compared with.
    pub(super) baseline: &'static str,
    pub(super) rows: Vec<Row>,
}

/// Which numbers are the good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    Less,
    More,
}

/// What one contender took, a number a round.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// In ascending order, never empty.
    samples: Vec<f64>,
}

/// What the name of a contender ends with whose phones speak TLS.
pub(super) const TLS: &str = ", TLS";

impl Figure {
    /// The row of one contender.
    pub(super) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The median of one contender over that of another.
    pub(super) fn ratio(&self, of: &str, to: &str) -> Option<f64> {
        Some(self.row(of)?.median() / self.row(to)?.median())
    }

    /// Whom a contender is compared with: the baseline, with TLS if it has TLS itself and the baseline has that, too.
    pub(super) fn base(&self, of: &Row) -> Option<&Row> {
        let base = self.base_name();
        let tls = of.name.ends_with(TLS).then(|| format!("{base}{TLS}"));
        tls.and_then(|name| self.row(&name)).or_else(|| self.row(base))
    }

    /// The baseline, or whoever is first where that was not measured.
    pub(super) fn base_name(&self) -> &'static str {
        let measured = self.row(self.baseline).or(self.rows.first());
        measured.map_or(self.baseline, |row| row.name)
    }

    /// How far the baseline is from itself in this run, as a share of its median: the noise. Of many rounds the tenth at
    /// either end is not counted.
    pub(super) fn noise(&self) -> Option<f64> {
        let base = self.row(self.base_name())?;
        let noise = (percentile(&base.samples, 0.9) - percentile(&base.samples, 0.1)) / base.median();
        noise.is_finite().then_some(noise)
    }
}

impl Row {
    /// `None` if there is no number.
    pub(super) fn new(name: &'static str, samples: impl Iterator<Item = f64>) -> Option<Self> {
        let mut samples: Vec<_> = samples.filter(|sample| sample.is_finite()).collect();
        samples.sort_by(f64::total_cmp);
        (!samples.is_empty()).then_some(Self { name, samples })
    }

    pub(super) fn samples(&self) -> &[f64] {
        &self.samples
    }

    pub(super) fn median(&self) -> f64 {
        percentile(&self.samples, 0.5)
    }

    pub(super) fn min(&self) -> f64 {
        percentile(&self.samples, 0.0)
    }

    pub(super) fn max(&self) -> f64 {
        percentile(&self.samples, 1.0)
    }
}

/// The element at this share of an ascending list; not a number if there is none.
pub(super) fn percentile(ascending: &[f64], share: f64) -> f64 {
    let last = ascending.len().saturating_sub(1);
    ascending.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Median and 99th percentile of times, in microseconds.
pub(super) fn micros(times: &[std::time::Duration]) -> [f64; 2] {
    let mut micros: Vec<_> = times.iter().map(|time| time.as_secs_f64() * 1e6).collect();
    micros.sort_by(f64::total_cmp);
    [percentile(&micros, 0.5), percentile(&micros, 0.99)]
}
