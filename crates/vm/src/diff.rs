//! Unified differences between an expectation and what was printed.

use similar::TextDiff;

/// `None` if the texts are the same, otherwise a unified diff of three lines' context
/// with these names in its head.
pub fn compare(expected_name: &str, expected: &str, actual_name: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    let diff = TextDiff::from_lines(expected, actual);
    Some(diff.unified_diff().context_radius(3).header(expected_name, actual_name).to_string())
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn same_texts_have_no_difference() {
        assert_eq!(compare("a", "x\ny\n", "b", "x\ny\n"), None);
    }

    #[test]
    fn a_changed_line_is_shown_with_its_neighbours() {
        let d = compare("expect", "1\n2\n3\n4\n5\n", "got", "1\n2\nthree\n4\n5\n").unwrap();
        assert_eq!(d, "--- expect\n+++ got\n@@ -1,5 +1,5 @@\n 1\n 2\n-3\n+three\n 4\n 5\n");
    }

    #[test]
    fn a_missing_last_newline_is_a_difference() {
        assert!(compare("a", "x\n", "b", "x").unwrap().contains("No newline at end of file"));
    }
}
