//! Reading the metrics as Prometheus would, and stricter.

use std::collections::BTreeMap;

use super::http::Answer;

/// A page of metrics in the OpenMetrics text format.
#[derive(Debug)]
pub(crate) struct Page {
    /// The metrics with their types.
    pub(crate) types: BTreeMap<String, String>,
    /// The series, as they are written, with their values.
    pub(crate) series: BTreeMap<String, f64>,
}

impl Page {
    /// Reads a page. Fails on everything that the format doesn't allow, and on series
    /// that contradict each other.
    #[track_caller]
    pub(crate) fn read(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let media_type = answer.header("content-type");
        assert_eq!(
            media_type,
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        let text = answer.text.strip_suffix("# EOF\n").unwrap();
        let mut page = Self {
            types: BTreeMap::new(),
            series: BTreeMap::new(),
        };
        let mut described = "";
        let mut current = ("", "");
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(is_name(name) && !help.is_empty(), "{line}");
                described = name;
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                current = kind.split_once(' ').unwrap();
                assert_eq!(current.0, described, "each metric has its help first");
                let before = page
                    .types
                    .insert(current.0.to_owned(), current.1.to_owned());
                assert_eq!(before, None, "{line}");
            } else {
                page.sample(line, current);
            }
        }
        page.check_histograms();
        page
    }

    fn sample(&mut self, line: &str, (name, kind): (&str, &str)) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (metric, labels) = match series.split_once('{') {
            Some((metric, labels)) => (metric, labels.strip_suffix('}').unwrap()),
            None => (series, ""),
        };
        let suffix = metric
            .strip_prefix(name)
            .unwrap_or_else(|| panic!("{line}"));
        let allowed: &[&str] = match kind {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => panic!("{kind}"),
        };
        assert!(allowed.contains(&suffix), "{line}");
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (name, value) = label.split_once('=').unwrap();
            let value = value.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            assert!(is_name(name), "{line}");
            assert!(!value.is_empty() && !value.contains(['"', '\\']), "{line}");
        }
        let value: f64 = value.parse().unwrap();
        assert!(value.is_finite() && value >= 0.0, "{line}");
        let before = self.series.insert(series.to_owned(), value);
        assert_eq!(before, None, "{line}");
    }

    /// Buckets are cumulative, and the last one has everything.
    fn check_histograms(&self) {
        let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (series, value) in &self.series {
            let Some((before, rest)) = series.split_once("le=\"") else {
                continue;
            };
            let (bound, after) = rest.split_once('"').unwrap();
            let bound = bound.replace("+Inf", "inf").parse().unwrap();
            let count = before.replace("_bucket", "_count") + after.trim_start_matches(',');
            let count = count.replace(",}", "}").replace("{}", "");
            buckets.entry(count).or_default().push((bound, *value));
        }
        for (count, mut counts) in buckets {
            counts.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            assert!(
                counts.is_sorted_by(|(_, one), (_, other)| one <= other),
                "{count}"
            );
            let (last, all) = *counts.last().unwrap();
            assert!(last.is_infinite(), "{count}");
            assert_eq!(self.series.get(&count), Some(&all), "{count}");
        }
    }

    /// A series' value; 0 when it isn't there.
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.series.get(series).copied().unwrap_or_default()
    }

    /// The counters whose names begin with one of these, and by how much they have
    /// grown since an earlier page; without those that have not.
    pub(crate) fn grown_since(&self, before: &Self, names: &[&str]) -> Vec<(&str, f64)> {
        let counters = self.series.iter().filter(|(series, _)| {
            let is_counter = series.split('{').next().unwrap().ends_with("_total");
            is_counter && names.iter().any(|name| series.starts_with(name))
        });
        counters
            .map(|(series, value)| (series.as_str(), value - before.value(series)))
            .filter(|(_, grown)| *grown != 0.0)
            .collect()
    }

    /// The names of the labels that a metric's series have, `le` aside.
    pub(crate) fn labels(&self, metric: &str) -> Vec<&str> {
        let mut labels = Vec::new();
        for series in self.series.keys() {
            let (name, rest) = series.split_once('{').unwrap_or((series, ""));
            let of = ["_total", "_info", "_bucket", "_sum", "_count", ""];
            let is_of = of
                .iter()
                .any(|suffix| name.strip_suffix(suffix) == Some(metric));
            for label in rest.split(',').filter_map(|label| label.split('=').next()) {
                if is_of && !label.is_empty() && label != "le" && !labels.contains(&label) {
                    labels.push(label);
                }
            }
        }
        labels
    }
}

fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c == '_';
    !name.is_empty() && name.chars().all(is_allowed)
}
