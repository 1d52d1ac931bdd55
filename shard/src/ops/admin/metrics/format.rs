//! The two formats of a scrape: OpenMetrics, and the classic text format that every tool reads.

/// The format of a scrape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::ops::admin) enum Format {
    /// <https://prometheus.io/docs/specs/om/open_metrics_spec/>
    OpenMetrics,
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/>
    Classic,
}

impl Format {
    /// The format that the `Accept` headers of a request ask for; the classic one if any will do.
    pub(in crate::ops::admin) fn accepted<'a>(accept: impl Iterator<Item = &'a str>) -> Self {
        let (mut open_metrics, mut classic) = (0.0, 0.0);
        for entry in accept.flat_map(|header| header.split(',')) {
            let mut parts = entry.split(';').map(str::trim);
            let quality = match parts.next() {
                Some("application/openmetrics-text") => &mut open_metrics,
                Some("text/plain" | "text/*" | "*/*") => &mut classic,
                _ => continue,
            };
            let stated = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse().ok());
            *quality = f64::max(*quality, stated.unwrap_or(1.0));
        }
        // If both are equally welcome, the one that says more.
        if open_metrics > 0.0 && open_metrics >= classic { Format::OpenMetrics } else { Format::Classic }
    }

    /// The content type of the response.
    pub(in crate::ops::admin) fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Converts OpenMetrics to the classic format: families of counters have the names of their samples, with `_total`; `info`
/// becomes a gauge; units and the end marker are left out.
pub(super) fn classic(open_metrics: &str) -> String {
    let lines: Vec<&str> = open_metrics.lines().collect();
    let mut text = String::with_capacity(open_metrics.len());
    let mut add_line = |parts: [&str; 3]| {
        parts.iter().for_each(|part| text.push_str(part));
        text.push('\n');
    };
    for (index, line) in lines.iter().enumerate() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            // The type comes on the next line.
            let (name, help) = help.split_once(' ').unwrap_or((help, ""));
            let kind = lines.get(index + 1).and_then(|line| line.strip_prefix("# TYPE ")?.split(' ').nth(1));
            let (suffix, kind) = match kind {
                Some("counter") => ("_total", "counter"),
                Some("info") => ("_info", "gauge"),
                Some(kind) => ("", kind),
                None => ("", "untyped"),
            };
            add_line(["# HELP ", &format!("{name}{suffix} "), help]);
            add_line(["# TYPE ", &format!("{name}{suffix} "), kind]);
        } else if !line.starts_with('#') {
            add_line([line, "", ""]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_gets_the_format_that_it_asks_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (prometheus, Format::OpenMetrics),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text; q=0.4, text/plain; q=0.5", Format::Classic),
            ("application/openmetrics-text;q=0", Format::Classic),
            ("text/plain", Format::Classic),
            ("*/*", Format::Classic),
            ("text/html", Format::Classic),
        ] {
            assert_eq!(Format::accepted([accept].into_iter()), format, "{accept}");
        }
        assert_eq!(Format::accepted([].into_iter()), Format::Classic);
    }

    #[test]
    fn the_classic_format_names_families_as_their_samples() {
        let open_metrics = "# HELP a_packets Packets.\n# TYPE a_packets counter\na_packets_total{x=\"1\"} 7\n\
                            # HELP a_build Version.\n# TYPE a_build info\na_build_info{v=\"2\"} 1\n\
                            # HELP a_up_seconds Time.\n# TYPE a_up_seconds gauge\n# UNIT a_up_seconds seconds\n\
                            a_up_seconds 1.5\n# EOF\n";
        let expected = "# HELP a_packets_total Packets.\n# TYPE a_packets_total counter\na_packets_total{x=\"1\"} 7\n\
                        # HELP a_build_info Version.\n# TYPE a_build_info gauge\na_build_info{v=\"2\"} 1\n\
                        # HELP a_up_seconds Time.\n# TYPE a_up_seconds gauge\na_up_seconds 1.5\n";
        assert_eq!(classic(open_metrics), expected);
    }
}
