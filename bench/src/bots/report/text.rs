use ringshard::ops::report::Percentiles;

pub fn percent(share: f64) -> f64 {
    share * 100.0
}

pub fn times(it: &Percentiles) -> String {
    let ms = |us: f64| us / 1000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms", ms(it.p50_us), ms(it.p99_us), ms(it.max_us))
}
