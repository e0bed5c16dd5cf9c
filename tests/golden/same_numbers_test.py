"""same_numbers.py on small sets of golden files: words may differ, and numbers may not."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent / "same_numbers.py"
LONG = "9000 characters, sha256 {}, begins\nstep 4 ms\n"


def compared(old, new):
    """(exit status, stdout) for two sets {file name: text}."""
    with tempfile.TemporaryDirectory() as name:
        folders = [pathlib.Path(name) / which for which in ("old", "new")]
        for folder, files in zip(folders, (old, new)):
            folder.mkdir()
            for path, text in files.items():
                (folder / path).write_text(text)
        done = subprocess.run([sys.executable, SCRIPT, *folders], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout


class SameNumbers(unittest.TestCase):
    def same(self, old, new):
        self.assertEqual(compared({"a.txt": old}, {"a.txt": new}), (0, "1 passed, 0 failed\n"))

    def differ(self, old, new, what):
        self.assertEqual(compared({"a.txt": old}, {"a.txt": new}), (1, f"a.txt: {what}\n0 passed, 1 failed\n"))

    def test_words_may_differ(self):
        self.same("takes 2 us more, 1.5e-3 in all", "is 2 us longer: 1.5e-3 altogether")

    def test_a_hyphen_is_no_minus(self):
        self.same("stages 1-4 of zb-1p", "stages 1 to 4 of zb 1p")

    def test_length_and_hash_of_a_long_text_and_the_hash_of_a_config_are_left_out(self):
        self.same(LONG.format("a" * 64), LONG.replace("9000", "9001").format("1" * 64))
        self.same('"config_hash": "0123456789abcdef"', '"config_hash": "fedcba9876543210"')

    def test_a_changed_number_is_found_with_its_place(self):
        self.differ("7 ranks, 2 us", "7 ranks, 3 us", "number 2 was 2 and is 3")
        self.differ("1.5e-3", "1.5e-4", "number 1 was 1.5e-3 and is 1.5e-4")
        self.differ(LONG.format("a" * 64), LONG.replace("step 4", "step 5").format("b" * 64), "number 1 was 4 and is 5")

    def test_a_changed_sign_is_found(self):
        self.differ("error -2.5 %", "error 2.5 %", "number 1 was -2.5 and is 2.5")

    def test_a_number_more_or_less_is_found(self):
        self.differ("1 2", "1 2 3", "had 2 numbers and has 3")
        self.differ("1 2 3", "1 2", "had 3 numbers and has 2")

    def test_numbers_in_another_order_are_found(self):
        self.differ("1 2", "2 1", "number 1 was 1 and is 2")

    def test_a_file_that_is_gone_is_found(self):
        self.assertEqual(compared({"a.txt": "1"}, {"b.txt": "1"}), (1, "a.txt: is gone\n0 passed, 1 failed\n"))

    def test_no_files_prove_nothing(self):
        self.assertEqual(compared({}, {}), (1, "0 passed, 0 failed\n"))


if __name__ == "__main__":
    unittest.main()
