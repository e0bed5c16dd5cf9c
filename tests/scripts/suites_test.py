"""scripts/suites.py counts what ran, and takes nothing that failed for passed."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import suites  # noqa: E402


class CountCases(unittest.TestCase):
    def test_a_last_line_with_counts_is_believed(self):
        self.assertEqual(suites.count_cases("...\n12 passed, 0 failed\n", 0), (12, 0, 0))
        self.assertEqual(suites.count_cases("12 passed, 3 failed, 4 skipped\n\n", 1), (12, 3, 4))

    def test_only_a_last_line_counts(self):
        self.assertEqual(suites.count_cases("12 passed, 0 failed\nand then more\n", 0), (1, 0, 0))
        self.assertEqual(suites.count_cases("so 12 passed, 0 failed\n", 0), (1, 0, 0))

    def test_a_program_that_says_nothing_is_one_check(self):
        self.assertEqual(suites.count_cases("", 0), (1, 0, 0))
        self.assertEqual(suites.count_cases("Segmentation fault\n", 139), (0, 1, 0))

    def test_a_bad_exit_status_fails_whatever_was_counted(self):
        self.assertEqual(suites.count_cases("12 passed, 0 failed\n", 1), (12, 1, 0))

    def test_a_suite_that_ran_nothing_fails(self):
        self.assertEqual(suites.count_cases("0 passed, 0 failed\n", 0), (0, 1, 0))
        self.assertEqual(suites.count_cases("Ran 0 tests in 0.000s\n\nOK\n", 0), (0, 1, 0))

    def test_the_end_of_pythons_unittest_is_understood(self):
        def end(tests, verdict):
            return f"...\n-----\nRan {tests} tests in 0.785s\n\n{verdict}\n"

        self.assertEqual(suites.count_cases(end(10, "OK"), 0), (10, 0, 0))
        self.assertEqual(suites.count_cases(end(10, "OK (skipped=2)"), 0), (8, 0, 2))
        self.assertEqual(suites.count_cases(end(10, "FAILED (failures=1, errors=2, skipped=3)"), 1), (4, 3, 3))
        self.assertEqual(suites.count_cases(end(1, "OK").replace("1 tests", "1 test"), 0), (1, 0, 0))

    def test_a_command_that_is_not_there_fails(self):
        output, status = suites.run_command(["./no-such-program"])
        self.assertEqual(suites.count_cases(output, status), (0, 1, 0))
        self.assertIn("no-such-program", output)


class Notes(unittest.TestCase):
    def test_reasons_for_skipping_are_kept_once_each(self):
        output = "a_test.cpp:4: MESSAGE: skipped: no golden files\nb_test.cpp:9: MESSAGE: skipped: no golden files\n"
        self.assertEqual(suites.notes(output + "note: ratio 1.2\n"), ["skipped: no golden files", "note: ratio 1.2"])

    def test_counts_of_skipped_tests_are_no_reasons(self):
        self.assertEqual(suites.notes("1 passed, 0 failed, 1 skipped\nOK (skipped=2)\n"), [])


class Choice(unittest.TestCase):
    def names(self, *arguments):
        return [suite.name for suite in suites.chosen(suites.table(), list(arguments))]

    def test_all_adds_what_takes_long(self):
        self.assertNotIn("bare-debian", self.names())
        self.assertIn("bare-debian", self.names("--all"))
        self.assertEqual(self.names("bare-debian", "unit"), ["unit", "bare-debian"])

    def test_a_name_that_no_suite_has_lists_those_that_there_are(self):
        with self.assertRaisesRegex(SystemExit, "no suite units; the suites are: format layers"):
            self.names("units")

    def test_every_budget_is_of_a_suite(self):
        self.assertLessEqual(set(suites.BUDGETS_S), {suite.name for suite in suites.table()})

    def test_only_twice_the_budget_is_noted(self):
        suite = suites.Suite("format", [])
        self.assertEqual(suites.over_budget(suite, 2 * suite.budget_s), "")
        self.assertIn("its budget is", suites.over_budget(suite, 2 * suite.budget_s + 1))


if __name__ == "__main__":
    unittest.main()
