//! Samples, and what is told of them: the median and the middle half.

use serde::{Deserialize, Serialize};

/// A row of the table: one quantity of one subject.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The group of rows that were measured together, in turn.
    pub group: String,
    /// What was measured.
    pub name: String,
    /// What the numbers are.
    pub unit: &'static str,
    /// How many samples.
    pub samples: usize,
    /// Half of the samples are not larger.
    pub median: f64,
    /// A quarter of the samples is smaller.
    pub low: f64,
    /// A quarter of the samples is larger.
    pub high: f64,
    /// The median of the sample-by-sample ratios to another row's, and that row's name.
    pub ratio: Option<(f64, String)>,
}

/// The samples of one subject.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Samples(pub Vec<f64>);

impl Samples {
    fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The row for these samples.
    pub fn row(&self, group: &str, name: &str, unit: &'static str) -> Row {
        Row {
            group: group.into(),
            name: name.into(),
            unit,
            samples: self.0.len(),
            median: self.median(),
            low: self.quantile(0.25),
            high: self.quantile(0.75),
            ratio: None,
        }
    }

    /// The row, with its ratio to `other`, whose samples were taken in the same rounds.
    pub fn row_against(&self, other: &Samples, group: &str, name: &str, unit: &'static str, of: &str) -> Row {
        let pairs = self.0.iter().zip(&other.0).map(|(ours, theirs)| ours / theirs);
        let ratio = Samples(pairs.collect()).median();
        Row { ratio: Some((ratio, of.into())), ..self.row(group, name, unit) }
    }
}

/// Something that is measured: its name, and what takes one sample.
pub struct Subject<'a> {
    /// What the table calls it.
    pub name: &'a str,
    /// Takes a sample.
    pub take: Box<dyn FnMut() -> Result<f64, String> + 'a>,
}

impl<'a> Subject<'a> {
    /// A subject.
    pub fn new(name: &'a str, take: impl FnMut() -> Result<f64, String> + 'a) -> Self {
        Self { name, take: Box::new(take) }
    }
}

/// Takes samples of all subjects in turn, so that what slows the machine down meets them all. The first round warms up
/// and does not count.
pub fn in_turn(rounds: usize, subjects: &mut [Subject<'_>]) -> Result<Vec<Samples>, String> {
    let mut samples = vec![Samples::default(); subjects.len()];
    for round in 0..=rounds {
        for (subject, samples) in subjects.iter_mut().zip(&mut samples) {
            let value = (subject.take)().map_err(|e| format!("{}: {e}", subject.name))?;
            if round > 0 {
                samples.0.push(value);
            }
        }
    }
    Ok(samples)
}

/// Rows for subjects measured together; each has its ratio to the one at `base`.
pub fn rows(group: &str, unit: &'static str, subjects: &[&str], samples: &[Samples], base: usize) -> Vec<Row> {
    let of = subjects.get(base).copied().unwrap_or_default();
    let Some(theirs) = samples.get(base) else { return Vec::new() };
    let row = |(index, (name, samples)): (usize, (&&str, &Samples))| match index == base {
        true => samples.row(group, name, unit),
        false => samples.row_against(theirs, group, name, unit, of),
    };
    subjects.iter().zip(samples).enumerate().map(row).collect()
}

/// The table for people.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut group = "";
    for row in rows {
        if row.group != group {
            group = &row.group;
            text.push_str(&format!("\n{group}\n"));
            text.push_str(&format!(
                "  {:<46}{:>12}{:>12}{:>12}  {:<10}{:>4}  ratio\n",
                "", "median", "low", "high", "unit", "n"
            ));
        }
        let ratio = row.ratio.as_ref().map_or(String::new(), |(ratio, of)| format!("{} x {of}", short(*ratio)));
        text.push_str(&format!(
            "  {:<46}{:>12}{:>12}{:>12}  {:<10}{:>4}  {ratio}\n",
            row.name,
            short(row.median),
            short(row.low),
            short(row.high),
            row.unit,
            row.samples
        ));
    }
    text
}

fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.01 || v == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.5}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_middle_half_are_told() {
        let samples = Samples(vec![9.0, 1.0, 3.0, 5.0, 7.0]);
        let row = samples.row("g", "n", "ms");
        assert_eq!((row.low, row.median, row.high, row.samples), (3.0, 5.0, 7.0, 5));
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn ratios_pair_the_samples_of_a_round() {
        let ours = Samples(vec![2.0, 20.0, 200.0]);
        let theirs = Samples(vec![1.0, 10.0, 100.0]);
        assert_eq!(ours.row_against(&theirs, "g", "n", "ms", "b").ratio, Some((2.0, "b".into())));
    }

    #[test]
    fn the_first_round_does_not_count() {
        let mut count = 0.0;
        let take = || {
            count += 1.0;
            Ok(count)
        };
        let samples = in_turn(3, &mut [Subject::new("x", take)]).unwrap();
        assert_eq!(samples[0].0, [2.0, 3.0, 4.0]);
    }
}
